/* SPDX-License-Identifier: Apache-2.0
 * The C interface without models: threads and instruction sets, errors, structs of other versions, and
 * the operators. It is C, so that the header stays C. */
#include <flownet2/flownet2.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                                                     \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      ++failures;                                                                            \
      fprintf(stderr, "%s:%d: failed: %s; last error: %s\n", __FILE__, __LINE__, #condition, \
              flownet2_last_error());                                                        \
    }                                                                                        \
  } while (0)

static int error_has(const char* text) { return strstr(flownet2_last_error(), text) != NULL; }

static flownet2_tensor tensor(float* data, int64_t n, int64_t c, int64_t h, int64_t w) {
  flownet2_tensor result = {data, n, c, h, w};
  return result;
}

static int has_shape(const flownet2_tensor* t, int64_t n, int64_t c, int64_t h, int64_t w) {
  return t->n == n && t->c == c && t->h == h && t->w == w;
}

static int has_values(const flownet2_tensor* t, const float* expected) {
  const int64_t count = t->n * t->c * t->h * t->w;
  for (int64_t i = 0; i < count; ++i) {
    if (!(t->data[i] == expected[i])) {
      fprintf(stderr, "value %d is %g, not %g\n", (int)i, (double)t->data[i], (double)expected[i]);
      return 0;
    }
  }
  return 1;
}

static void test_runtime(void) {
  CHECK(strcmp(flownet2_last_error(), "") == 0);
  CHECK(strcmp(flownet2_version(), FLOWNET2_VERSION) == 0);
  int32_t count = 0;
  CHECK(flownet2_set_num_threads(3) == FLOWNET2_OK);
  CHECK(flownet2_num_threads(&count) == FLOWNET2_OK);
  CHECK(count == 3);
  CHECK(flownet2_set_num_threads(0) == FLOWNET2_INVALID_ARGUMENT);
  CHECK(error_has("from 1 to 1024, got 0"));
  CHECK(flownet2_num_threads(NULL) == FLOWNET2_INVALID_ARGUMENT);
  CHECK(error_has("count must not be NULL"));

  const char* used = NULL;
  CHECK(flownet2_isa(&used) == FLOWNET2_OK);
  CHECK(flownet2_isa(NULL) == FLOWNET2_INVALID_ARGUMENT);
  CHECK(strcmp(flownet2_isa_name(0), "scalar") == 0);
  int found = 0;
  int32_t names = 0;
  for (; flownet2_isa_name(names) != NULL; ++names) {
    found += used != NULL && strcmp(flownet2_isa_name(names), used) == 0;
  }
  CHECK(found == 1);
  CHECK(flownet2_isa_name(-1) == NULL);
  CHECK(flownet2_isa_name(INT32_MAX) == NULL);
}

static void test_convolutions(void) {
  float x_data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  float weight_data[] = {1, 0, 0, 1, 0, 1, 0, 0};
  float bias_data[] = {10, -100};
  const flownet2_tensor x = tensor(x_data, 1, 1, 3, 3);
  const flownet2_tensor weight = tensor(weight_data, 2, 1, 2, 2);
  const flownet2_tensor bias = tensor(bias_data, 1, 2, 1, 1);
  flownet2_tensor out = tensor(NULL, 0, 0, 0, 0);
  CHECK(flownet2_conv2d(&x, &weight, &bias, NULL, &out) == FLOWNET2_OK);
  CHECK(out.data == NULL && has_shape(&out, 1, 2, 2, 2));
  float out_data[8];
  out.data = out_data;
  CHECK(flownet2_conv2d(&x, &weight, &bias, NULL, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){16, 18, 22, 24, -98, -97, -95, -94}));
  flownet2_convolution_options options = {.struct_size = sizeof(options)};
  options.leaky_relu = 1;
  options.leaky_slope = 0.5f;
  CHECK(flownet2_conv2d(&x, &weight, &bias, &options, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){16, 18, 22, 24, -49, -48.5f, -47.5f, -47}));
  options.leaky_relu = 0;
  options.stride[0] = 2;
  options.padding[0] = 1;
  CHECK(flownet2_conv2d(&x, &weight, NULL, &options, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){2, 3, 12, 14, 0, 0, 5, 6}));
  options.stride[0] = -1;
  CHECK(flownet2_conv2d(&x, &weight, NULL, &options, &out) == FLOWNET2_INVALID_ARGUMENT);
  CHECK(error_has("conv2d: stride must be from 1 to 1048576, got (-1, 1)"));
  CHECK(flownet2_conv2d(NULL, &weight, NULL, NULL, &out) == FLOWNET2_INVALID_ARGUMENT);
  CHECK(error_has("conv2d: x must not be NULL"));
  CHECK(flownet2_conv2d(&x, &weight, NULL, NULL, NULL) == FLOWNET2_INVALID_ARGUMENT);

  const flownet2_tensor small = tensor(x_data, 1, 2, 1, 2);
  float taps[] = {1, 2, 3, 4, 0, 1, 0, 0};
  const flownet2_tensor kernel = tensor(taps, 2, 1, 2, 2);
  memset(&options, 0, sizeof(options));
  options.struct_size = sizeof(options);
  options.stride[1] = 2;
  out = tensor(out_data, 1, 1, 2, 4);
  CHECK(flownet2_conv_transpose2d(&small, &kernel, NULL, &options, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){1, 5, 2, 8, 3, 4, 6, 8}));
  out.w = 5;
  CHECK(flownet2_conv_transpose2d(&small, &kernel, NULL, &options, &out) == FLOWNET2_INVALID_ARGUMENT);
  CHECK(error_has("out must be (1, 1, 2, 4), got (1, 1, 2, 5)"));
  const flownet2_tensor wide = tensor(NULL, 1, 2, 1, INT64_MAX / 2);
  out.data = NULL;
  CHECK(flownet2_conv_transpose2d(&wide, &kernel, NULL, &options, &out) == FLOWNET2_TOO_LARGE);
}

static void test_correlation_and_warp(void) {
  float a_data[] = {1, 2, 3, 4};
  float b_data[] = {5, 6, 7, 8};
  const flownet2_tensor a = tensor(a_data, 1, 2, 1, 2);
  const flownet2_tensor b = tensor(b_data, 1, 2, 1, 2);
  flownet2_tensor out = tensor(NULL, 0, 0, 0, 0);
  CHECK(flownet2_correlation(&a, &b, NULL, &out) == FLOWNET2_OK);
  CHECK(has_shape(&out, 1, 441, 1, 2));
  flownet2_correlation_options near = {.struct_size = sizeof(near), .max_displacement = 1};
  float out_data[18];
  out = tensor(out_data, 1, 9, 1, 2);
  CHECK(flownet2_correlation(&a, &b, &near, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){0, 0, 0, 0, 0, 0, 0, 38, 26, 44, 30, 0, 0, 0, 0, 0, 0, 0}));
  near.mean = 1;
  near.leaky_relu = 1;
  near.leaky_slope = 0.1f;
  CHECK(flownet2_correlation(&a, &b, &near, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){0, 0, 0, 0, 0, 0, 0, 19, 13, 22, 15, 0, 0, 0, 0, 0, 0, 0}));

  float x_data[] = {10, 20, 40};
  float flow_data[] = {0.5f, 1, 1, 0, 0, 0};
  const flownet2_tensor x = tensor(x_data, 1, 1, 1, 3);
  const flownet2_tensor flow = tensor(flow_data, 1, 2, 1, 3);
  out = tensor(out_data, 1, 1, 1, 3);
  CHECK(flownet2_warp(&x, &flow, NULL, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){15, 40, 40}));
  flownet2_warp_options zeros = {sizeof(flownet2_warp_options), 1, 0, 0};
  CHECK(flownet2_warp(&x, &flow, &zeros, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){15, 40, 0}));
  float beyond_data[] = {-0.25f, 1, 0.5f, 0, 0, 0};
  const flownet2_tensor beyond = tensor(beyond_data, 1, 2, 1, 3);
  flownet2_warp_options cut = {sizeof(flownet2_warp_options), 2, 0, 0};
  CHECK(flownet2_warp(&x, &beyond, &cut, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){0, 40, 40}));
  flownet2_warp_options half_pixels = {sizeof(flownet2_warp_options), 0, 1, 0};
  CHECK(flownet2_warp(&x, &flow, &half_pixels, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){12.5f, 40, 40})); /* at 0.25, 2.5, 4 */
  CHECK(flownet2_warp(&x, &x, NULL, &out) == FLOWNET2_INVALID_ARGUMENT);
}

static void test_small_operators(void) {
  float x_data[] = {-1, 2, 3, 4};
  float y_data[] = {5, 6, 7, 8};
  float out_data[8];
  const flownet2_tensor x = tensor(x_data, 1, 1, 2, 2);
  const flownet2_tensor y = tensor(y_data, 1, 1, 2, 2);
  flownet2_tensor out = tensor(out_data, 1, 1, 2, 2);
  CHECK(flownet2_leaky_relu(&x, 0.5f, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){-0.5f, 2, 3, 4}));

  CHECK(flownet2_elementwise(FLOWNET2_ADD, &x, &y, 0, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){4, 8, 10, 12}));
  CHECK(flownet2_elementwise(FLOWNET2_SUB, &x, &y, 0, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){-6, -4, -4, -4}));
  CHECK(flownet2_elementwise(FLOWNET2_MUL, &x, &y, 0, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){-5, 12, 21, 32}));
  CHECK(flownet2_elementwise(FLOWNET2_SCALE, &x, NULL, 2, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){-2, 4, 6, 8}));
  CHECK(flownet2_elementwise(FLOWNET2_ADD, &x, NULL, 0, &out) == FLOWNET2_INVALID_ARGUMENT);
  CHECK(flownet2_elementwise(4, &x, &y, 0, &out) == FLOWNET2_INVALID_ARGUMENT);
  CHECK(error_has("got 4"));

  const flownet2_tensor both[] = {x, y};
  out = tensor(NULL, 0, 0, 0, 0);
  CHECK(flownet2_concat(both, 2, &out) == FLOWNET2_OK && has_shape(&out, 1, 2, 2, 2));
  out.data = out_data;
  CHECK(flownet2_concat(both, 2, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){-1, 2, 3, 4, 5, 6, 7, 8}));
  CHECK(flownet2_concat(both, 0, &out) == FLOWNET2_INVALID_ARGUMENT);
  CHECK(flownet2_concat(NULL, 2, &out) == FLOWNET2_INVALID_ARGUMENT);

  const flownet2_tensor joined = tensor((float[]){3, 5, 4, 12}, 1, 2, 1, 2);
  out = tensor(out_data, 1, 1, 1, 2);
  CHECK(flownet2_channel_norm(&joined, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){5, 13}));

  flownet2_resize_options options = {sizeof(flownet2_resize_options), 1, 0};
  out = tensor(out_data, 1, 1, 2, 4);
  CHECK(flownet2_resize(&y, &options, &out) == FLOWNET2_OK);
  CHECK(has_values(&out, (float[]){5, 5, 6, 6, 7, 7, 8, 8}));
  out = tensor(NULL, 0, 0, 3, 5);
  CHECK(flownet2_resize(&y, NULL, &out) == FLOWNET2_OK && has_shape(&out, 1, 1, 3, 5));
  out.h = 0;
  CHECK(flownet2_resize(&y, NULL, &out) == FLOWNET2_INVALID_ARGUMENT);
}

/* The struct of a program that was compiled for another version. */
static void test_structs_of_other_versions(void) {
  float x_data[] = {1, 2, 3, 4};
  float out_data[8];
  const flownet2_tensor x = tensor(x_data, 1, 1, 2, 2);
  flownet2_tensor out = tensor(out_data, 1, 1, 2, 4);
  struct {
    flownet2_resize_options known;
    int64_t later[2];
  } newer = {{sizeof(newer), 1, 0}, {0, 0}};
  CHECK(flownet2_resize(&x, &newer.known, &out) == FLOWNET2_OK);
  newer.later[1] = 1;
  CHECK(flownet2_resize(&x, &newer.known, &out) == FLOWNET2_INVALID_ARGUMENT);
  CHECK(error_has("flownet2_resize_options: made for a newer flownet2"));
  flownet2_resize_options older = {offsetof(flownet2_resize_options, align_corners), 1, 1};
  CHECK(flownet2_resize(&x, &older, &out) == FLOWNET2_OK); /* its align_corners does not exist */
  older.struct_size = 0;
  CHECK(flownet2_resize(&x, &older, &out) == FLOWNET2_INVALID_ARGUMENT);
  CHECK(error_has("set struct_size = sizeof(flownet2_resize_options), got 0"));
  older.struct_size = sizeof(size_t) - 1;
  CHECK(flownet2_resize(&x, &older, &out) == FLOWNET2_INVALID_ARGUMENT);
}

int main(void) {
  test_runtime();
  test_convolutions();
  test_correlation_and_warp();
  test_small_operators();
  test_structs_of_other_versions();
  return failures == 0 ? 0 : 1;
}
