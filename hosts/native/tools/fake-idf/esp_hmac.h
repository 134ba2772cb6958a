// SPDX-License-Identifier: MIT
/* Stands in for ESP-IDF's header: the names of its reference, "HMAC", and a peripheral whose KEY0 holds 20 bytes 0x0B. */
#ifndef BERTH_FAKE_ESP_HMAC_H
#define BERTH_FAKE_ESP_HMAC_H

#include <stdint.h>
#include <string.h>

#include "berth_hmac.h"

typedef int esp_err_t;
#define ESP_OK 0
#define ESP_FAIL -1

typedef enum { HMAC_KEY0, HMAC_KEY1, HMAC_KEY2, HMAC_KEY3, HMAC_KEY4, HMAC_KEY5, HMAC_KEY_MAX } hmac_key_id_t;

static inline esp_err_t esp_hmac_calculate(hmac_key_id_t key_id, const void *message, size_t length, uint8_t *code)
{
  uint8_t key[20];
  if (key_id != HMAC_KEY0) return ESP_FAIL;
  memset(key, 0x0B, sizeof key);
  berth_hmac *hmac = berth_hmac_new(key, sizeof key);
  const int good = hmac != NULL && berth_hmac_sign(hmac, message, length, code);
  berth_hmac_free(hmac);
  return good ? ESP_OK : ESP_FAIL;
}

#endif
