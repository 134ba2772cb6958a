// SPDX-License-Identifier: MIT
/* ECDSA with SHA-256 on P-256 (secp256r1), by mbedTLS. Keys go in and out as the numbers that they are. */
#ifndef BERTH_EC_H
#define BERTH_EC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The private number, big-endian. */
#define BERTH_EC_SCALAR 32
/* The public point, uncompressed (SEC 1, section 2.3.3). */
#define BERTH_EC_POINT 65
/* A signature in DER at most. */
#define BERTH_EC_SIGNATURE 72

/* A new key. Returns false without random numbers or memory; then both are all zeros. */
bool berth_ec_generate(uint8_t scalar[BERTH_EC_SCALAR], uint8_t point[BERTH_EC_POINT]);

/*
 * Signs `message`; the signature, DER, has `*signature_length` bytes.
 * Returns false for a number that is no key, and without random numbers or memory; then `*signature_length` is 0.
 */
bool berth_ec_sign(const uint8_t scalar[BERTH_EC_SCALAR], const uint8_t *message, size_t length,
                   uint8_t signature[BERTH_EC_SIGNATURE], size_t *signature_length);

/* Does the signature (DER) hold? False also for a point that is none of the curve, and without memory. */
bool berth_ec_verify(const uint8_t *point, size_t point_length, const uint8_t *message, size_t length,
                     const uint8_t *signature, size_t signature_length);

#endif
