// SPDX-License-Identifier: MIT
/* Stands in for ESP-IDF's header: one task. */
#ifndef BERTH_FAKE_TASK_H
#define BERTH_FAKE_TASK_H

#include <stddef.h>

typedef void *TaskHandle_t;

static inline TaskHandle_t xTaskGetCurrentTaskHandle(void)
{
  return NULL;
}

#endif
