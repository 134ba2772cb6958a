// SPDX-License-Identifier: MIT
#include "berth_memory.h"

#if defined(ESP_PLATFORM)

#include <esp_heap_caps.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

static TaskHandle_t watched;
static size_t lacked;

/* ESP-IDF has one such function for all; Wi-Fi's tasks may well do without what they asked for. */
static void note(size_t size, uint32_t capabilities, const char *function)
{
  (void)capabilities;
  (void)function;
  if (xTaskGetCurrentTaskHandle() == watched) lacked = size > 0 ? size : 1;
}

void berth_memory_watch(void)
{
  heap_caps_register_failed_alloc_callback(note);
  watched = xTaskGetCurrentTaskHandle();
  lacked = 0;
}

void berth_memory_note(berth_lack *lack)
{
  if (lacked > 0) *lack = (berth_lack){true, lacked};
}

#else

#include <errno.h>

/* No function of the C library sets it back to 0, and none that mbedTLS calls after a failure fails otherwise. */
void berth_memory_watch(void)
{
  errno = 0;
}

void berth_memory_note(berth_lack *lack)
{
  if (errno == ENOMEM) lack->lacked = true;
}

#endif
