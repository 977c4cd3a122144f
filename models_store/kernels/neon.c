/* The kernels for 64-bit ARM: four numbers at a time, and thirty-two registers. */

#include "generator.h"

#if defined(__aarch64__) && defined(__GNUC__)
#include <arm_neon.h>

#define NAME(what) what##_neon
#define NAMED "neon"
#define LANES 4
#define VECTORS 4
#define ROWS 6
typedef float32x4_t vector;
typedef int32_t whole __attribute__((vector_size(16)));
#define load(from) vld1q_f32(from)
#define store(to, numbers) vst1q_f32(to, numbers)
#define spread_out(number) vdupq_n_f32(number)
#define multiply_add(left, right, sum) vfmaq_f32(sum, left, right)
/* Of two of which one is no number, that one. */
#define larger(left, right) vmaxq_f32(left, right)
#define smaller(left, right) vminq_f32(left, right)
#include "arithmetic.inc"
#endif
