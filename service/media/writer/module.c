/* What Python sees of this folder: service/media/_writer, whose function is described in its .pyi. */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "png.h"

enum {
    MOMENT = 1 << 15, /* bytes of a picture, deflated in a fifth of a millisecond */
    MOST_BYTES = 1 << 30,
};

static PyObject *png(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *object, *made = NULL;
    struct picture picture;
    const char *text, *chunks;
    Py_ssize_t height, width, text_size, chunks_size;
    if (!PyArg_ParseTuple(arguments, "Onniy#y#", &object, &height, &width, &picture.channels, &text, &text_size, &chunks,
                          &chunks_size))
        return NULL;
    if (height < 1 || width < 1 || (picture.channels != 1 && picture.channels != 3)
        || width > MOST_BYTES / 4 / height || text_size > MOST_BYTES || chunks_size > MOST_BYTES)
        return PyErr_Format(PyExc_ValueError, "%zd by %zd pixels of %d channels: no picture for a PNG", width, height,
                            picture.channels);
    picture.height = (uint32_t)height;
    picture.width = (uint32_t)width;
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_C_CONTIGUOUS) < 0) return NULL;
    size_t size = (size_t)picture.height * picture.width * picture.channels, lines = size + picture.height;
    size_t most = most_of_png(&picture, (size_t)text_size, (size_t)chunks_size);
    uint8_t *memory = NULL;
    if ((size_t)view.len != size)
        PyErr_Format(PyExc_ValueError, "a buffer of %zd bytes, not of %zu", view.len, size);
    else if (!(memory = PyMem_Malloc(most + lines)))
        PyErr_NoMemory();
    else {
        picture.levels = view.buf;
        /* What is over in a moment does not let go of the interpreter: to get it back would take longer. */
        PyThreadState *state = size > MOMENT ? PyEval_SaveThread() : NULL;
        uint8_t *end = write_png(&picture, (const uint8_t *)text, (size_t)text_size, (const uint8_t *)chunks,
                                 (size_t)chunks_size, memory + most, memory);
        if (state) PyEval_RestoreThread(state);
        made = PyBytes_FromStringAndSize((const char *)memory, end - memory);
    }
    PyMem_Free(memory);
    PyBuffer_Release(&view);
    return made;
}

static PyMethodDef methods[] = {{"png", png, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_writer", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__writer(void) { return PyModule_Create(&definition); }
