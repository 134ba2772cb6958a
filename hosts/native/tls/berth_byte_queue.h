// SPDX-License-Identifier: MIT
/* Bytes in order, in a buffer of fixed size. */
#ifndef BERTH_BYTE_QUEUE_H
#define BERTH_BYTE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint8_t *bytes;
  size_t size;
  size_t start;
  size_t end;
} berth_byte_queue;

/* Returns false when there is no memory. */
bool berth_queue_open(berth_byte_queue *queue, size_t size);

/* Wipes and frees; legal for a queue of zeros. */
void berth_queue_close(berth_byte_queue *queue);

size_t berth_queue_count(const berth_byte_queue *queue);
size_t berth_queue_room(const berth_byte_queue *queue);

/* Adds as many as there is room for; returns how many. */
size_t berth_queue_put(berth_byte_queue *queue, const void *bytes, size_t count);

/* Takes as many as there are; returns how many. */
size_t berth_queue_take(berth_byte_queue *queue, void *bytes, size_t size);

#endif
