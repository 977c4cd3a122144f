/* Memory for numbers, where vectors want it to be. */

#ifndef LATENTSERVE_MEMORY_H
#define LATENTSERVE_MEMORY_H

#include <stddef.h>

enum { ALIGNMENT = 64 };

/* So many zeros, to be freed; NULL if there is no room. */
float *zeros(size_t count);

/* At least so many numbers, of any value, which this thread has until it asks again or ends; NULL if there is no room. */
float *memory_of_thread(size_t count);

#endif
