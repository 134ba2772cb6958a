// SPDX-License-Identifier: MIT
/*
 * Comes before any header of mbedTLS. The SDK's makefile compiles our sources, not ESP-IDF's build, which would name
 * ESP-IDF's configuration of mbedTLS to the compiler: with another one than the library's the structs would differ.
 */
#ifndef BERTH_MBEDTLS_H
#define BERTH_MBEDTLS_H

#if defined(ESP_PLATFORM) && !defined(BERTH_FAKE_IDF)
#if !defined(MBEDTLS_CONFIG_FILE)
#define MBEDTLS_CONFIG_FILE "mbedtls/esp_config.h"
#endif
/* From mbedTLS 4 on (ESP-IDF 6) the cryptography is configured apart, and first. */
#if !defined(TF_PSA_CRYPTO_USER_CONFIG_FILE)
#define TF_PSA_CRYPTO_USER_CONFIG_FILE "mbedtls/esp_config.h"
#endif
#endif

#include <mbedtls/version.h>

#endif
