// SPDX-License-Identifier: MIT
#include "berth_byte_queue.h"

#include <stdlib.h>
#include <string.h>

#include "berth_mbedtls.h"
#include <mbedtls/platform_util.h>

bool berth_queue_open(berth_byte_queue *queue, size_t size)
{
  queue->bytes = malloc(size);
  queue->size = queue->bytes == NULL ? 0 : size;
  queue->start = queue->end = 0;
  return queue->bytes != NULL;
}

void berth_queue_close(berth_byte_queue *queue)
{
  if (queue->bytes != NULL) mbedtls_platform_zeroize(queue->bytes, queue->size);
  free(queue->bytes);
  *queue = (berth_byte_queue){0};
}

size_t berth_queue_count(const berth_byte_queue *queue)
{
  return queue->end - queue->start;
}

size_t berth_queue_room(const berth_byte_queue *queue)
{
  return queue->size - berth_queue_count(queue);
}

size_t berth_queue_put(berth_byte_queue *queue, const void *bytes, size_t count)
{
  const size_t room = berth_queue_room(queue);
  if (count > room) count = room;
  if (count == 0) return 0;
  if (count > queue->size - queue->end) {
    memmove(queue->bytes, queue->bytes + queue->start, berth_queue_count(queue));
    queue->end -= queue->start;
    queue->start = 0;
  }
  memcpy(queue->bytes + queue->end, bytes, count);
  queue->end += count;
  return count;
}

size_t berth_queue_take(berth_byte_queue *queue, void *bytes, size_t size)
{
  const size_t count = berth_queue_count(queue);
  if (size > count) size = count;
  if (size == 0) return 0;
  memcpy(bytes, queue->bytes + queue->start, size);
  queue->start += size;
  if (queue->start == queue->end) queue->start = queue->end = 0;
  return size;
}
