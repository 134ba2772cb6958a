// SPDX-License-Identifier: MIT
/*
 * Comes before any header of mbedTLS. The SDK's makefile compiles our sources, not ESP-IDF's build, which would name
 * ESP-IDF's configuration of mbedTLS to the compiler: with another one than the library's the structs would differ.
 */
#ifndef BERTH_MBEDTLS_H
#define BERTH_MBEDTLS_H

#if defined(ESP_PLATFORM) && !defined(MBEDTLS_CONFIG_FILE) && !defined(BERTH_FAKE_IDF)
#define MBEDTLS_CONFIG_FILE "mbedtls/esp_config.h"
#endif

#include <mbedtls/version.h>

#endif
