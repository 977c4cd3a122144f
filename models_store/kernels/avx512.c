/* The kernels for processors with AVX-512: sixteen numbers at a time, and thirty-two registers. */

#include "generator.h"

#if defined(__x86_64__) && defined(__GNUC__)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx2,fma")
#endif
#include <immintrin.h>

#define NAME(what) what##_avx512
#define NAMED "avx512"
#define LANES 16
#define VECTORS 2
#define ROWS 12
typedef __m512 vector;
typedef int32_t whole __attribute__((vector_size(64)));
#define load(from) _mm512_loadu_ps(from)
#define store(to, numbers) _mm512_storeu_ps(to, numbers)
#define spread_out(number) _mm512_set1_ps(number)
#define multiply_add(left, right, sum) _mm512_fmadd_ps(left, right, sum)
/* Of two of which the second is no number, the second. */
#define larger(left, right) _mm512_max_ps(left, right)
#define smaller(left, right) _mm512_min_ps(left, right)
#include "arithmetic.inc"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
