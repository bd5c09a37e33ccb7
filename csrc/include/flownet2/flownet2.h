/* SPDX-License-Identifier: Apache-2.0
 * The C interface, for C, Rust, C#, ...: opaque handles, status codes, plain structs.
 *
 *   flownet2_model* model;
 *   if (flownet2_load("flownet2-lite.safetensors", NULL, &model) != FLOWNET2_OK)
 *     return fprintf(stderr, "%s\n", flownet2_last_error()), 1;
 *   flownet2_image image1 = flownet2_interleaved(rgb1, FLOWNET2_UINT8, height, width, 3, FLOWNET2_RGB);
 *   flownet2_image image2 = flownet2_interleaved(rgb2, FLOWNET2_UINT8, height, width, 3, FLOWNET2_RGB);
 *   flownet2_status status = flownet2_flow(model, &image1, &image2, NULL, flow, 0);
 *   flownet2_free(model);
 *
 * Functions may be called from any number of threads, on one model too. A function that fails changes
 * nothing but the contents of its outputs; its message is flownet2_last_error(). No C++ exception leaves
 * the library. Fields of structs of options that are 0 mean the default; struct_size is sizeof the
 * struct. Strings are UTF-8; those that are returned belong to the library. */
#ifndef FLOWNET2_H
#define FLOWNET2_H

#include <flownet2/export.h>
#include <flownet2/version.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t flownet2_status;
enum {
  FLOWNET2_OK = 0,
  FLOWNET2_INVALID_ARGUMENT = 1, /* a value is not what the function takes */
  FLOWNET2_TOO_LARGE = 2,        /* a size does not fit into the address space */
  FLOWNET2_OUT_OF_MEMORY = 3,    /* the working memory could not be had */
  FLOWNET2_CANCELLED = 4,        /* the callback asked to stop */
  FLOWNET2_UNREADABLE_FILE = 5,  /* missing, no regular file, or it cannot be read */
  FLOWNET2_BAD_MODEL_FILE = 6,   /* no model file, broken, or made by a newer version */
  FLOWNET2_INTERNAL_ERROR = 7    /* a fault of the library: please report it */
};

/* Of the last call of this thread that failed; "" if none has. Valid until the next one fails. */
FLOWNET2_API const char* flownet2_last_error(void);

/* Of the library that runs; FLOWNET2_VERSION is that of the header. */
FLOWNET2_API const char* flownet2_version(void);

/* Told the share that is done, from 0 to 1, on the calling thread, at least every 20 ms or so while
 * computing. Anything but 0 ends the call with FLOWNET2_CANCELLED: to cancel from another thread, let it
 * look at an atomic flag. */
typedef int32_t (*flownet2_progress)(void* user, double done);

/* ---- threads and instruction sets ------------------------------------------------------------- */

/* Threads of one call, from 1 to 1024, for the whole process. */
FLOWNET2_API flownet2_status flownet2_set_num_threads(int32_t count);
/* What was set, else FLOWNET2_NUM_THREADS, else the CPUs that the process may use. */
FLOWNET2_API flownet2_status flownet2_num_threads(int32_t* count);
/* The instruction set in use: FLOWNET2_ISA, else the preferred one. */
FLOWNET2_API flownet2_status flownet2_isa(const char** name);
/* Names of those that this processor has, from the plainest to the one preferred; NULL past the end. */
FLOWNET2_API const char* flownet2_isa_name(int32_t index);

/* ---- models ----------------------------------------------------------------------------------- */

typedef struct flownet2_model flownet2_model;

enum { FLOWNET2_FLOAT32 = 0, FLOWNET2_BFLOAT16 = 1 };

typedef struct flownet2_load_options {
  size_t struct_size;         /* sizeof(flownet2_load_options) */
  int32_t precision;          /* FLOWNET2_FLOAT32, FLOWNET2_BFLOAT16 */
  int32_t threads;            /* of one call; 0: flownet2_num_threads() */
  const char* isa;            /* NULL: flownet2_isa() */
  flownet2_progress progress; /* NULL: none */
  void* user;                 /* its first argument */
} flownet2_load_options;

/* Reads a model file. options may be NULL. */
FLOWNET2_API flownet2_status flownet2_load(const char* path, const flownet2_load_options* options,
                                           flownet2_model** model);
/* The same from memory, which is not needed any more afterwards. */
FLOWNET2_API flownet2_status flownet2_load_memory(const void* data, size_t bytes,
                                                  const flownet2_load_options* options,
                                                  flownet2_model** model);
/* NULL is fine. */
FLOWNET2_API void flownet2_free(flownet2_model* model);

typedef struct flownet2_info {
  size_t struct_size;    /* sizeof(flownet2_info), set by the caller */
  const char* network;   /* such as "flownet2"; strings live as long as the model */
  const char* stored;    /* what the file stores weights as, such as "float32" */
  const char* isa;       /* what the model computes with */
  int64_t parameters;    /* numbers in all weights */
  int64_t size_multiple; /* what both sides of the network's input must be multiples of */
  int32_t precision;     /* what the model computes in */
  int32_t channel_order; /* of the network's input: x / 255 - mean */
  float mean[3];         /* in that order */
  int32_t mean_rule;     /* FLOWNET2_MEAN_GIVEN, FLOWNET2_MEAN_OF_PAIR, ... */
  int32_t size_rule;     /* what FLOWNET2_MODEL_RULE stands for */
  float second_mean[3];  /* of the second picture; mostly as mean */
} flownet2_info;

FLOWNET2_API flownet2_status flownet2_model_info(const flownet2_model* model, flownet2_info* info);
/* A fact of the model file by its key: "origin", "license", "source", ...; NULL if it has none. */
FLOWNET2_API const char* flownet2_model_fact(const flownet2_model* model, const char* key);

typedef struct flownet2_self_check_result {
  size_t struct_size; /* sizeof(flownet2_self_check_result), set by the caller */
  int32_t stored;     /* 0: the model file carries no check, and nothing else is set */
  int32_t passed;
  double largest; /* pixels from the flow that was computed elsewhere */
  double mean;
  double allowed; /* for largest in FLOWNET2_FLOAT32, for mean in FLOWNET2_BFLOAT16 */
} flownet2_self_check_result;

/* Whether this program, on this processor, computes what the model's file expects: flownet2 convert
 * stored the flow of a small made-up pair in it, which is computed again. */
FLOWNET2_API flownet2_status flownet2_self_check(const flownet2_model* model,
                                                 flownet2_self_check_result* result);

/* ---- flow ------------------------------------------------------------------------------------- */

enum {
  FLOWNET2_UINT8 = 0,
  FLOWNET2_UINT16 = 1,
  FLOWNET2_IMAGE_FLOAT32 = 2
}; /* 0..255, 0..65535, 0..1 */
enum { FLOWNET2_RGB = 0, FLOWNET2_BGR = 1 };

/* height x width pixels of 3 channels, or of 1 (grey). Strides in bytes; they may be negative, and data
 * need not be aligned. */
typedef struct flownet2_image {
  const void* data; /* channel 0 of the first pixel */
  int64_t height;
  int64_t width;
  int64_t channels;
  ptrdiff_t row_stride;     /* to the pixel below */
  ptrdiff_t pixel_stride;   /* to the pixel to the right */
  ptrdiff_t channel_stride; /* to the next channel of a pixel */
  int32_t pixel_type;
  int32_t channel_order;
} flownet2_image;

/* (H, W, channels) without gaps: change row_stride where rows have some, and pixel_stride where pixels
 * have more channels than those of the picture. */
static inline flownet2_image flownet2_interleaved(const void* data, int32_t pixel_type, int64_t height,
                                                  int64_t width, int64_t channels,
                                                  int32_t channel_order) {
  const ptrdiff_t size = pixel_type == FLOWNET2_UINT8 ? 1 : pixel_type == FLOWNET2_UINT16 ? 2 : 4;
  const ptrdiff_t pixel = size * (ptrdiff_t)channels;
  flownet2_image image;
  image.data = data;
  image.height = height;
  image.width = width;
  image.channels = channels;
  image.row_stride = pixel * (ptrdiff_t)width;
  image.pixel_stride = pixel;
  image.channel_stride = size;
  image.pixel_type = pixel_type;
  image.channel_order = channel_order;
  return image;
}

/* For sides that are no multiples of size_multiple: resize as mmflow, pad and cut, or the centre; or
 * that of these which the model file names (the centre for weights of NVIDIA's, else resize). */
enum { FLOWNET2_MODEL_RULE = 0, FLOWNET2_RESIZE = 1, FLOWNET2_PAD = 2, FLOWNET2_CROP = 3 };

/* What is subtracted from pictures in 0..1: the mean of flownet2_info, or that of each channel over both
 * pictures, or over each. */
enum { FLOWNET2_MEAN_GIVEN = 0, FLOWNET2_MEAN_OF_PAIR = 1, FLOWNET2_MEAN_OF_PICTURE = 2 };

typedef struct flownet2_flow_options {
  size_t struct_size;         /* sizeof(flownet2_flow_options) */
  int32_t size_rule;          /* FLOWNET2_MODEL_RULE, FLOWNET2_RESIZE, _PAD, _CROP */
  flownet2_progress progress; /* NULL: none */
  void* user;                 /* its first argument */
} flownet2_flow_options;

/* Flow from image1 to image2, of one size and pixel type, into flow: (H, W, 2), u (to the right) then v
 * (down), pixels. row_stride: of flow, bytes, 0 for rows without gaps. options may be NULL. */
FLOWNET2_API flownet2_status flownet2_flow(const flownet2_model* model, const flownet2_image* image1,
                                           const flownet2_image* image2,
                                           const flownet2_flow_options* options, float* flow,
                                           ptrdiff_t row_stride);

/* Size of the flow of such pictures: theirs, but for FLOWNET2_CROP. */
FLOWNET2_API flownet2_status flownet2_flow_size(const flownet2_model* model, int64_t height,
                                                int64_t width, int32_t size_rule, int64_t* flow_height,
                                                int64_t* flow_width);

/* Pairs of one size in one run, for small pictures faster than one by one; the same bits. flows[i] is
 * that of images1[i] and images2[i]. */
FLOWNET2_API flownet2_status flownet2_flow_batch(const flownet2_model* model,
                                                 const flownet2_image* images1,
                                                 const flownet2_image* images2, size_t count,
                                                 const flownet2_flow_options* options,
                                                 float* const* flows, ptrdiff_t row_stride);

/* Bytes that a call takes beside the weights, the pictures and the flow. The model keeps them for the
 * next one. pairs: 1, or those of a batch. */
FLOWNET2_API flownet2_status flownet2_working_memory(const flownet2_model* model, int64_t height,
                                                     int64_t width, int32_t size_rule, int64_t pairs,
                                                     int64_t* bytes);

/* ---- tensors ---------------------------------------------------------------------------------- */

/* (N, C, H, W) float32 without gaps. */
typedef struct flownet2_tensor {
  float* data;
  int64_t n;
  int64_t c;
  int64_t h;
  int64_t w;
} flownet2_tensor;

/* The bare network: image1, image2 (N, 3, H, W) in the range and order of flownet2_info, H and W
 * multiples of size_multiple, become a value of the network by its name ("flow",
 * "flownetc.predict_flow6", ...). Where out->data is NULL, only the shape of out is set. options may be
 * NULL; size_rule is not used. */
FLOWNET2_API flownet2_status flownet2_run(const flownet2_model* model, const flownet2_tensor* image1,
                                          const flownet2_tensor* image2, const char* name,
                                          const flownet2_flow_options* options, flownet2_tensor* out);

/* ---- operators -------------------------------------------------------------------------------- */

/* flownet2/ops.hpp says what they compute. out->data overlaps no input; where it is NULL, only the shape
 * of out is set. */

typedef struct flownet2_convolution_options {
  size_t struct_size;
  int64_t stride[2];  /* rows, columns; 0: 1 */
  int64_t padding[2]; /* rows, columns */
  int32_t leaky_relu; /* not 0: LeakyReLU with leaky_slope as the last step */
  float leaky_slope;
} flownet2_convolution_options;

/* bias may be NULL; options may be NULL in all operators. */
FLOWNET2_API flownet2_status flownet2_conv2d(const flownet2_tensor* x, const flownet2_tensor* weight,
                                             const flownet2_tensor* bias,
                                             const flownet2_convolution_options* options,
                                             flownet2_tensor* out);
FLOWNET2_API flownet2_status flownet2_conv_transpose2d(const flownet2_tensor* x,
                                                       const flownet2_tensor* weight,
                                                       const flownet2_tensor* bias,
                                                       const flownet2_convolution_options* options,
                                                       flownet2_tensor* out);

FLOWNET2_API flownet2_status flownet2_leaky_relu(const flownet2_tensor* x, float slope,
                                                 flownet2_tensor* out);

typedef struct flownet2_correlation_options {
  size_t struct_size;
  int64_t max_displacement; /* pixels */
  int64_t stride;           /* pixels between two displacements; 0: 1 */
  int32_t mean;             /* not 0: divided by the number of channels */
  int32_t leaky_relu;
  float leaky_slope;
} flownet2_correlation_options;

/* options NULL: FlowNetC's, 20 pixels in steps of 2, summed; given, their zeros count. */
FLOWNET2_API flownet2_status flownet2_correlation(const flownet2_tensor* a, const flownet2_tensor* b,
                                                  const flownet2_correlation_options* options,
                                                  flownet2_tensor* out);

typedef struct flownet2_warp_options {
  size_t struct_size;
  int32_t
      zeros; /* 0: pixels outside are the border's; 2: points outside give 0 (Caffe); else they are 0 */
  int32_t no_align_corners;
  int32_t mask;
} flownet2_warp_options;

FLOWNET2_API flownet2_status flownet2_warp(const flownet2_tensor* x, const flownet2_tensor* flow,
                                           const flownet2_warp_options* options, flownet2_tensor* out);

typedef struct flownet2_resize_options {
  size_t struct_size;
  int32_t nearest; /* not 0: nearest, else bilinear */
  int32_t align_corners;
} flownet2_resize_options;

/* To the size out->h x out->w. */
FLOWNET2_API flownet2_status flownet2_resize(const flownet2_tensor* x,
                                             const flownet2_resize_options* options,
                                             flownet2_tensor* out);

FLOWNET2_API flownet2_status flownet2_channel_norm(const flownet2_tensor* x, flownet2_tensor* out);

FLOWNET2_API flownet2_status flownet2_concat(const flownet2_tensor* inputs, size_t count,
                                             flownet2_tensor* out);

enum { FLOWNET2_ADD = 0, FLOWNET2_SUB = 1, FLOWNET2_MUL = 2, FLOWNET2_SCALE = 3 };

/* FLOWNET2_SCALE: a * factor, b is NULL. The others: factor is not used. */
FLOWNET2_API flownet2_status flownet2_elementwise(int32_t kind, const flownet2_tensor* a,
                                                  const flownet2_tensor* b, float factor,
                                                  flownet2_tensor* out);

#ifdef __cplusplus
}
#endif

#endif
