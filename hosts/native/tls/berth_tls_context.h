// SPDX-License-Identifier: MIT
/*
 * What the TLS connections of one device have in common: whom it trusts, who it is, and which sessions it can resume.
 * One thread uses a context and its clients.
 */
#ifndef BERTH_TLS_CONTEXT_H
#define BERTH_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "berth_tls_failure.h"

typedef struct {
  const uint8_t *bytes;
  size_t length;
} berth_bytes;

/* A DER certificate; `lasting` bytes outlive the context and do not move (flash), and are not copied. */
typedef struct {
  berth_bytes der;
  bool lasting;
} berth_tls_certificate;

typedef struct {
  /* At least one. */
  const berth_tls_certificate *roots;
  size_t root_count;
  /* The device's certificate, leaf first; none for a device with a symmetric key. */
  const berth_tls_certificate *chain;
  size_t chain_count;
  /* Its private key, RSA or EC, PKCS#8 in DER. Not kept: wipe it after the call. */
  berth_bytes key;
  /* Longest record that the server is asked to send: 512, 1024, 2048 or 4096 bytes; 0 asks for nothing (16,384). */
  unsigned maximum_fragment;
  /* Sessions kept in RAM for resumption, one a host, 0 to BERTH_TLS_MOST_SESSIONS. */
  unsigned sessions;
} berth_tls_context_options;

/* DPS and the hub. */
#define BERTH_TLS_MOST_SESSIONS 2

typedef struct berth_tls_context berth_tls_context;

/*
 * Makes a context; berth_tls_context_release ends it.
 * Returns NULL on failure: BERTH_TLS_INVALID_ARGUMENT (a root, a certificate or the key cannot be read, key and
 * certificate do not belong together, an option is out of range) or BERTH_TLS_OUT_OF_MEMORY.
 */
berth_tls_context *berth_tls_context_new(const berth_tls_context_options *options, berth_tls_failure *failure);

/* Frees the context, its keys and sessions wiped, once the last client that uses it is gone too. NULL is legal. */
void berth_tls_context_release(berth_tls_context *context);

/* Forgets the sessions that could be resumed. */
void berth_tls_context_forget_sessions(berth_tls_context *context);

#endif
