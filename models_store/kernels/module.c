/* What Python sees of this folder: models_store/_kernels, whose functions are described in its .pyi. */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "generator.h"
#include "normals.h"

enum {
    MOMENT = 1 << 16, /* bytes of normals, drawn in a fifth of a millisecond */
    MOST_CHANNELS = 1 << 18,
    MOST_START = 64,
    MOST_SIDE = 1 << 14,
};

static const char CAPSULE[] = "models_store._kernels.generator";

/* A contiguous buffer of so many bytes. 0, and an exception, if the object is none. */
static int view_of(PyObject *object, Py_buffer *view, int flags, size_t size) {
    if (PyObject_GetBuffer(object, view, PyBUF_C_CONTIGUOUS | flags) < 0) return 0;
    if ((size_t)view->len == size) return 1;
    PyErr_Format(PyExc_ValueError, "a buffer of %zd bytes, not of %zu", view->len, size);
    PyBuffer_Release(view);
    return 0;
}

static PyObject *sets(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    static const char *const names[] = {"avx512", "avx2", "neon"};
    PyObject *found = PyList_New(0);
    for (size_t each = 0; found && each < sizeof names / sizeof *names; each++) {
        if (!find_kernels(names[each])) continue;
        PyObject *name = PyUnicode_FromString(names[each]);
        if (!name || PyList_Append(found, name) < 0) Py_CLEAR(found);
        Py_XDECREF(name);
    }
    return found;
}

static void free_capsule(PyObject *capsule) { free_generator(PyCapsule_GetPointer(capsule, CAPSULE)); }

/* Reads (in, out, weight, bias), weight of in * out * places numbers. 0, and an exception, if it is something else. */
static int read_layer(PyObject *tuple, int places, struct layer *layer, Py_buffer *weight, Py_buffer *bias) {
    PyObject *weight_object, *bias_object;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "a layer is a tuple");
        return 0;
    }
    if (!PyArg_ParseTuple(tuple, "iiOO", &layer->in, &layer->out, &weight_object, &bias_object)) return 0;
    if (layer->in < 1 || layer->out < 1 || layer->in > MOST_CHANNELS || layer->out > MOST_CHANNELS) {
        PyErr_Format(PyExc_ValueError, "%d inputs, %d outputs: from 1 to %d are possible", layer->in, layer->out,
                     MOST_CHANNELS);
        return 0;
    }
    if (!view_of(weight_object, weight, 0, (size_t)layer->in * layer->out * places * sizeof(float))) return 0;
    if (!view_of(bias_object, bias, 0, layer->out * sizeof(float))) {
        PyBuffer_Release(weight);
        return 0;
    }
    layer->weight = weight->buf;
    layer->bias = bias->buf;
    return 1;
}

static PyObject *make(PyObject *module, PyObject *arguments) {
    (void)module;
    const char *name;
    int start;
    PyObject *tuple;
    if (!PyArg_ParseTuple(arguments, "siO!", &name, &start, &PyTuple_Type, &tuple)) return NULL;
    const struct kernels *kernels = find_kernels(name);
    Py_ssize_t count = PyTuple_Size(tuple), read = 0;
    if (!kernels || start < 1 || start > MOST_START || count < 2 || count > MOST_DOUBLINGS + 2
        || start << (count - 1) > MOST_SIDE)
        return PyErr_Format(PyExc_ValueError, "%s, start %d, %zd layers: there are no kernels for that", name, start, count);
    struct layer layers[MOST_DOUBLINGS + 2];
    Py_buffer views[MOST_DOUBLINGS + 2][2];
    while (read < count && read_layer(PyTuple_GetItem(tuple, read), read ? TAPS : start * start, layers + read,
                                      views[read], views[read] + 1)
           && ++read) {
        if (read > 1 && layers[read - 1].in != layers[read - 2].out) {
            PyErr_SetString(PyExc_ValueError, "a layer has not as many inputs as the one before has outputs");
            break;
        }
    }
    struct generator *made = NULL;
    if (!PyErr_Occurred()) {
        made = make_generator(kernels, start, layers, (int)count);
        if (!made) PyErr_NoMemory();
    }
    while (read-- > 0) {
        PyBuffer_Release(views[read]);
        PyBuffer_Release(views[read] + 1);
    }
    if (!made) return NULL;
    PyObject *capsule = PyCapsule_New(made, CAPSULE, free_capsule);
    if (!capsule) free_generator(made);
    return capsule;
}

static PyObject *run(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *capsule, *objects[3];
    Py_ssize_t count;
    if (!PyArg_ParseTuple(arguments, "OnOOO", &capsule, &count, objects, objects + 1, objects + 2)) return NULL;
    const struct generator *generator = PyCapsule_GetPointer(capsule, CAPSULE);
    if (!generator) return NULL;
    size_t pixels = (size_t)generator->channels * 4 * generator->side * generator->side, numbers = generator->spread.rows;
    size_t most = PY_SSIZE_T_MAX / sizeof(float) / (pixels > numbers ? pixels : numbers);
    if (count < 0 || (size_t)count > most) return PyErr_Format(PyExc_ValueError, "%zd pictures, and not 0 to %zu", count, most);
    const size_t sizes[3] = {count * numbers * sizeof(float), count * pixels * sizeof(float), count * pixels};
    Py_buffer views[3] = {{.obj = NULL}};
    int read = 0;
    enum outcome outcome = DONE;
    for (; read < 3; read++)
        if ((read == 0 || objects[read] != Py_None)
            && !view_of(objects[read], views + read, read ? PyBUF_WRITABLE : 0, sizes[read]))
            break;
    if (read == 3) {
        Py_BEGIN_ALLOW_THREADS
        outcome = run_generator(generator, views[0].buf, views[1].buf, views[2].buf, (size_t)count);
        Py_END_ALLOW_THREADS
    }
    while (read-- > 0) PyBuffer_Release(views + read);
    if (outcome == NO_MEMORY) PyErr_NoMemory();
    return PyErr_Occurred() ? NULL : PyBool_FromLong(outcome == DONE);
}

static PyObject *normals(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *objects[2];
    Py_ssize_t count, dim;
    unsigned int stream;
    if (!PyArg_ParseTuple(arguments, "OInnO", objects, &stream, &count, &dim, objects + 1)) return NULL;
    const Py_ssize_t most = PY_SSIZE_T_MAX / (Py_ssize_t)sizeof(struct draw);
    if (count < 0 || dim < 1 || count > most || dim > most / (count ? count : 1))
        return PyErr_Format(PyExc_ValueError, "%zd rows of %zd numbers", count, dim);
    Py_buffer draws, made;
    size_t size = (size_t)count * dim * sizeof(float);
    if (!view_of(objects[0], &draws, 0, count * sizeof(struct draw))) return NULL;
    if (!view_of(objects[1], &made, PyBUF_WRITABLE, size)) {
        PyBuffer_Release(&draws);
        return NULL;
    }
    /* What is over in a moment does not let go of the interpreter: to get it back would take longer. */
    PyThreadState *state = size > MOMENT ? PyEval_SaveThread() : NULL;
    for (Py_ssize_t row = 0; row < count; row++)
        draw_normals((const struct draw *)draws.buf + row, stream, (float *)made.buf + row * dim, (size_t)dim);
    if (state) PyEval_RestoreThread(state);
    PyBuffer_Release(&draws);
    PyBuffer_Release(&made);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"sets", sets, METH_NOARGS, NULL},
    {"make", make, METH_VARARGS, NULL},
    {"run", run, METH_VARARGS, NULL},
    {"normals", normals, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_kernels", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModule_Create(&definition); }
