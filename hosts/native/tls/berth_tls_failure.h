// SPDX-License-Identifier: MIT
/* Why a TLS connection failed: a small code that maps to the error codes of src/error.ts, and text for people. */
#ifndef BERTH_TLS_FAILURE_H
#define BERTH_TLS_FAILURE_H

#include <stddef.h>
#include <stdint.h>

#include "berth_memory.h"

/* The numbers are known to hosts/native/errors.ts: append only. */
typedef enum {
  BERTH_TLS_NO_FAILURE = 0,
  /* An argument is wrong: a name, a certificate, a key. `invalid-argument` */
  BERTH_TLS_INVALID_ARGUMENT = 1,
  /* It may pass. `out-of-memory` */
  BERTH_TLS_OUT_OF_MEMORY = 2,
  /* The server's chain leads to no trusted root. `tls-untrusted` */
  BERTH_TLS_UNTRUSTED = 3,
  /* A certificate is expired or not yet valid. `tls-expired` */
  BERTH_TLS_EXPIRED = 4,
  /* The server's certificate is for another name. `tls-name-mismatch` */
  BERTH_TLS_NAME_MISMATCH = 5,
  /* The server refused the client's certificate. `tls-client-certificate` */
  BERTH_TLS_CLIENT_CERTIFICATE = 6,
  /* The handshake failed otherwise. `tls-failed` */
  BERTH_TLS_HANDSHAKE = 7,
  /* The connection ended, or broke, after the handshake. `connection-lost` */
  BERTH_TLS_LOST = 8,
} berth_tls_code;

/* Ours, beside mbedTLS's MBEDTLS_X509_BADCERT_*. */
#define BERTH_BADCERT_CONSTRAINED 0x20000000U
#define BERTH_BADCERT_AUTHORITY 0x40000000U

/* How far the connection had come when it failed. */
typedef enum {
  /* Not even opened. */
  BERTH_TLS_PHASE_SETUP,
  /* No certificate of the server has been judged. */
  BERTH_TLS_PHASE_HANDSHAKE,
  /* Still the handshake, but what is wrong now is not the certificate. */
  BERTH_TLS_PHASE_KEY_EXCHANGE,
  /* The handshake is done, but no byte of the application has come: TLS 1.3 judges the client's certificate here. */
  BERTH_TLS_PHASE_FRESH,
  BERTH_TLS_PHASE_OPEN,
} berth_tls_phase;

typedef struct {
  berth_tls_code code;
  /* What mbedTLS returned, or 0. */
  int detail;
  /* The alert that the server sent (RFC 8446, section 6), or -1. */
  int alert;
  /* Never a secret. */
  char text[96];
} berth_tls_failure;

/* No failure. */
void berth_tls_no_failure(berth_tls_failure *failure);

/* A failure that mbedTLS did not report. */
void berth_tls_fail(berth_tls_failure *failure, berth_tls_code code, const char *text);

/* BERTH_TLS_OUT_OF_MEMORY. asked: for how many bytes, 0 where mbedTLS asked. On a chip it tells what was free. */
void berth_tls_no_memory(berth_tls_failure *failure, size_t asked);

/*
 * What `result` of an mbedTLS function means.
 * verify_flags: MBEDTLS_X509_BADCERT_* and BERTH_BADCERT_*, looked at where `result` is a failed verification
 * alert: the one that the server sent where `result` is a fatal alert, else -1
 */
void berth_tls_explain(berth_tls_failure *failure, berth_tls_phase phase, int result, uint32_t verify_flags, int alert);

/*
 * Makes it BERTH_TLS_OUT_OF_MEMORY where memory was lacking before it: whatever mbedTLS, or the server that got half a
 * message, then said may be no more than that.
 */
void berth_tls_blame_memory(berth_tls_failure *failure, const berth_lack *lack);

#endif
