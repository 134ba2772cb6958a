// SPDX-License-Identifier: MIT
/* Stands in for ESP-IDF's header of a chip with the HMAC peripheral. */
#define SOC_HMAC_SUPPORTED 1
