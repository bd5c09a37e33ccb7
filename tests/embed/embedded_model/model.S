/* SPDX-License-Identifier: Apache-2.0 */
    .section .rodata
    .global model_begin, model_end
    .balign 64
model_begin:
    .incbin MODEL_FILE
model_end:
    .section .note.GNU-stack, "", %progbits
