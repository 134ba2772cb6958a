// SPDX-License-Identifier: MIT
/* Stands in for ESP-IDF's header: the names of its reference, "Heap Memory Allocation", and a heap in pieces. */
#ifndef BERTH_FAKE_ESP_HEAP_CAPS_H
#define BERTH_FAKE_ESP_HEAP_CAPS_H

#include <stddef.h>
#include <stdint.h>

#define MALLOC_CAP_8BIT (1 << 2)

static inline size_t heap_caps_get_free_size(uint32_t capabilities)
{
  return capabilities == MALLOC_CAP_8BIT ? 9000 : 0;
}

static inline size_t heap_caps_get_largest_free_block(uint32_t capabilities)
{
  return capabilities == MALLOC_CAP_8BIT ? 1024 : 0;
}

typedef void (*esp_alloc_failed_hook_t)(size_t size, uint32_t capabilities, const char *function);

/* Called by tls_check where an allocation fails. */
extern esp_alloc_failed_hook_t fake_failed_alloc_callback;

static inline int heap_caps_register_failed_alloc_callback(esp_alloc_failed_hook_t callback)
{
  fake_failed_alloc_callback = callback;
  return 0;
}

#endif
