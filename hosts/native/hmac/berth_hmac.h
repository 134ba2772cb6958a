// SPDX-License-Identifier: MIT
/* HMAC-SHA256 (RFC 2104) under one key: by mbedTLS, which uses the chip's SHA unit where it has one. */
#ifndef BERTH_HMAC_H
#define BERTH_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_HMAC_LENGTH 32

typedef struct berth_hmac berth_hmac;

/*
 * key: 1 byte or more; not kept as such, wipe it after the call
 * Returns NULL when there is no memory, or no key.
 */
berth_hmac *berth_hmac_new(const uint8_t *key, size_t length);

/* Wipes and frees. NULL is legal. */
void berth_hmac_free(berth_hmac *hmac);

/* The code of `message` into `code`. Returns false when mbedTLS fails; then `code` is all zeros. */
bool berth_hmac_sign(berth_hmac *hmac, const uint8_t *message, size_t length, uint8_t code[BERTH_HMAC_LENGTH]);

#endif
