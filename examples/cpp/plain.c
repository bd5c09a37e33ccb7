/* SPDX-License-Identifier: Apache-2.0
 * Flow of two binary 8-bit PPM files over the C interface. */
#include <flownet2/flownet2.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char* const help =
    "usage: plain MODEL IMAGE1.ppm IMAGE2.ppm OUT.flo\n"
    "\n"
    "Prints what MODEL is, computes how every pixel of IMAGE1 moved until IMAGE2, and writes that in\n"
    "Middlebury's format. Pictures are binary PPM files of 8 bits (P6).\n";

/* Bytes from here to the end; -1 where that cannot be told. */
static long rest_of(FILE* file) {
  const long here = ftell(file);
  if (here < 0 || fseek(file, 0, SEEK_END) != 0) return -1;
  const long end = ftell(file);
  return end < here || fseek(file, here, SEEK_SET) != 0 ? -1 : end - here;
}

/* (H, W, 3) RGB; the caller frees it. NULL after a message. */
static uint8_t* read_ppm(const char* path, int64_t* height, int64_t* width) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) {
    fprintf(stderr, "error: %s: %s\n", path, strerror(errno));
    return NULL;
  }
  int w = 0, h = 0, maximum = 0;
  uint8_t* rgb = NULL;
  if (fscanf(file, "P6 %7d %7d %5d", &w, &h, &maximum) != 3 || fgetc(file) == EOF || maximum != 255 ||
      w < 1 || h < 1) {
    fprintf(stderr, "error: %s: a binary PPM file of 8 bits without comments is expected\n", path);
  } else if (rest_of(file) != 3 * (int64_t)w * h) {
    fprintf(stderr, "error: %s: its length does not fit %dx%d pixels\n", path, w, h);
  } else {
    const size_t bytes = 3 * (size_t)w * (size_t)h;
    rgb = malloc(bytes);
    if (rgb == NULL || fread(rgb, 1, bytes, file) != bytes) {
      fprintf(stderr, "error: %s: cannot be read\n", path);
      free(rgb);
      rgb = NULL;
    }
  }
  fclose(file);
  *height = h;
  *width = w;
  return rgb;
}

/* Middlebury's format, on a little-endian machine. */
static int write_flo(const char* path, const float* flow, int64_t height, int64_t width) {
  const float tag = 202021.25f;
  const int32_t size[2] = {(int32_t)width, (int32_t)height};
  const size_t values = (size_t)(2 * height * width);
  FILE* file = fopen(path, "wb");
  if (file == NULL) {
    fprintf(stderr, "error: %s: %s\n", path, strerror(errno));
    return 1;
  }
  const int whole = fwrite(&tag, sizeof tag, 1, file) == 1 && fwrite(size, sizeof size, 1, file) == 1 &&
                    fwrite(flow, sizeof *flow, values, file) == values;
  if (fclose(file) != 0 || !whole) {
    fprintf(stderr, "error: %s: cannot be written\n", path);
    return 1;
  }
  return 0;
}

static int failed(void) {
  fprintf(stderr, "error: %s\n", flownet2_last_error());
  return 1;
}

static int print_info(const flownet2_model* model) {
  flownet2_info info = {.struct_size = sizeof info};
  if (flownet2_model_info(model, &info) != FLOWNET2_OK) return failed();
  const char* license = flownet2_model_fact(model, "license");
  printf("flownet2 %s: %s, %lld parameters stored as %s, computed with %s, licence %s\n",
         flownet2_version(), info.network, (long long)info.parameters, info.stored, info.isa,
         license != NULL ? license : "not stated");
  return 0;
}

/* Prints now and then how far it is; 0 means go on. */
static int32_t on_progress(void* user, double done) {
  int* tenths = user;
  while (*tenths < (int)(done * 10)) {
    ++*tenths;
    fputc('.', stderr);
  }
  return 0;
}

static int compute(const flownet2_model* model, char** paths) {
  int64_t height = 0, width = 0, height2 = 0, width2 = 0;
  uint8_t* rgb1 = read_ppm(paths[0], &height, &width);
  uint8_t* rgb2 = rgb1 != NULL ? read_ppm(paths[1], &height2, &width2) : NULL;
  float* flow = rgb2 != NULL ? malloc((size_t)(height * width) * 2 * sizeof *flow) : NULL;
  int result = 1;
  if (rgb2 != NULL && flow == NULL) fprintf(stderr, "error: no memory for the flow\n");
  if (flow != NULL) {
    const flownet2_image image1 =
        flownet2_interleaved(rgb1, FLOWNET2_UINT8, height, width, 3, FLOWNET2_RGB);
    const flownet2_image image2 =
        flownet2_interleaved(rgb2, FLOWNET2_UINT8, height2, width2, 3, FLOWNET2_RGB);
    int tenths = 0;
    const flownet2_flow_options options = {
        .struct_size = sizeof options, .progress = on_progress, .user = &tenths};
    const flownet2_status status = flownet2_flow(model, &image1, &image2, &options, flow, 0);
    if (tenths > 0) fputc('\n', stderr);
    result = status == FLOWNET2_OK ? write_flo(paths[2], flow, height, width) : failed();
  }
  free(flow);
  free(rgb2);
  free(rgb1);
  return result;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "--help") == 0) {
    fputs(help, stdout);
    return 0;
  }
  if (argc != 5) {
    fprintf(stderr, "error: a model file, two pictures and an output are expected; --help explains\n");
    return 1;
  }
  flownet2_model* model = NULL;
  if (flownet2_load(argv[1], NULL, &model) != FLOWNET2_OK) return failed();
  const int result = print_info(model) != 0 ? 1 : compute(model, argv + 2);
  flownet2_free(model);
  return result;
}
