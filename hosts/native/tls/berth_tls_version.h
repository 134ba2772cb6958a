// SPDX-License-Identifier: MIT
/*
 * What differs between the versions of mbedTLS: 2.28 (Debian 12), 3.2 to 3.6 (ESP-IDF 5), 4.x (ESP-IDF 6).
 * Every switch on the version stands here, so that the other files read as if there were one mbedTLS.
 */
#ifndef BERTH_TLS_VERSION_H
#define BERTH_TLS_VERSION_H

#include "berth_mbedtls.h"

#if MBEDTLS_VERSION_NUMBER < 0x021C0000
#error "mbedTLS 2.28 or later is needed"
#elif MBEDTLS_VERSION_NUMBER >= 0x03000000 && MBEDTLS_VERSION_NUMBER < 0x03020000
#error "mbedTLS 3.0 and 3.1 lack mbedtls_ssl_conf_min_tls_version; take 2.28, or 3.2 and later"
#endif

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

/* From 4.0 on all randomness is PSA's; before, a generator is handed to each function that needs one. */
#define BERTH_OWN_RANDOM (MBEDTLS_VERSION_NUMBER < 0x04000000)

#if BERTH_OWN_RANDOM
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#endif

/* The parts that run on PSA need it started; in 2.28 none of ours do. */
#if MBEDTLS_VERSION_NUMBER >= 0x04000000
#define BERTH_NEEDS_PSA 1
#elif MBEDTLS_VERSION_NUMBER < 0x03000000 || !defined(MBEDTLS_PSA_CRYPTO_C)
#define BERTH_NEEDS_PSA 0
#elif defined(MBEDTLS_SSL_PROTO_TLS1_3) || defined(MBEDTLS_USE_PSA_CRYPTO)
#define BERTH_NEEDS_PSA 1
#else
#define BERTH_NEEDS_PSA 0
#endif

#if BERTH_NEEDS_PSA
#include <psa/crypto.h>
#endif

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define BERTH_PRIVATE(member) MBEDTLS_PRIVATE(member)
#else
#define BERTH_PRIVATE(member) member
#endif

/* Renamed in 3.0. */
#if MBEDTLS_VERSION_NUMBER < 0x03000000
#define BERTH_ERR_BAD_CERTIFICATE MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE
#else
#define BERTH_ERR_BAD_CERTIFICATE MBEDTLS_ERR_SSL_BAD_CERTIFICATE
#endif

/*
 * Is TLS 1.3 offered? Not by 3.6.6 and 4.1.0: they offer RSA-PSS with it, and then refuse it from a server that speaks
 * TLS 1.2. Mended after them, Mbed-TLS/mbedtls issue 10668.
 */
#if MBEDTLS_VERSION_NUMBER >= 0x03020000 && defined(MBEDTLS_SSL_PROTO_TLS1_3) && \
  MBEDTLS_VERSION_NUMBER != 0x03060600 && MBEDTLS_VERSION_NUMBER != 0x04010000
#define BERTH_TLS13 1
#else
#define BERTH_TLS13 0
#endif

/* TLS 1.3 hands tickets over as a return value of mbedtls_ssl_read. */
#if BERTH_TLS13 && defined(MBEDTLS_SSL_SESSION_TICKETS)
#define BERTH_TLS13_TICKETS 1
#else
#define BERTH_TLS13_TICKETS 0
#endif

#endif
