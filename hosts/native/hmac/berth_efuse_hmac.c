// SPDX-License-Identifier: MIT
#include "berth_efuse_hmac.h"

#include <string.h>

#if defined(ESP_PLATFORM)
#include <soc/soc_caps.h>
#endif

#if defined(SOC_HMAC_SUPPORTED) && SOC_HMAC_SUPPORTED

#include <esp_hmac.h>

bool berth_efuse_hmac_present(void)
{
  return true;
}

bool berth_efuse_hmac_sign(int block, const uint8_t *message, size_t length, uint8_t code[32])
{
  const bool legal = block >= 0 && block < HMAC_KEY_MAX;
  if (legal && esp_hmac_calculate((hmac_key_id_t)block, message, length, code) == ESP_OK) return true;
  memset(code, 0, 32);
  return false;
}

#else

bool berth_efuse_hmac_present(void)
{
  return false;
}

bool berth_efuse_hmac_sign(int block, const uint8_t *message, size_t length, uint8_t code[32])
{
  (void)block;
  (void)message;
  (void)length;
  memset(code, 0, 32);
  return false;
}

#endif
