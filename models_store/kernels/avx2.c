/* The kernels for processors with AVX2 and fused multiplication: eight numbers at a time, and sixteen registers. */

#include "generator.h"

#if defined(__x86_64__) && defined(__GNUC__)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#include <immintrin.h>

#define NAME(what) what##_avx2
#define NAMED "avx2"
#define LANES 8
#define VECTORS 2
#define ROWS 6
typedef __m256 vector;
typedef int32_t whole __attribute__((vector_size(32)));
#define load(from) _mm256_loadu_ps(from)
#define store(to, numbers) _mm256_storeu_ps(to, numbers)
#define spread_out(number) _mm256_set1_ps(number)
#define multiply_add(left, right, sum) _mm256_fmadd_ps(left, right, sum)
/* Of two of which the second is no number, the second. */
#define larger(left, right) _mm256_max_ps(left, right)
#define smaller(left, right) _mm256_min_ps(left, right)
#include "arithmetic.inc"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
