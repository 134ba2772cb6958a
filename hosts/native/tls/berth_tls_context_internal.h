// SPDX-License-Identifier: MIT
/* The inside of a context, for berth_tls_client.c. */
#ifndef BERTH_TLS_CONTEXT_INTERNAL_H
#define BERTH_TLS_CONTEXT_INTERNAL_H

#include "berth_server_name.h"
#include "berth_tls_context.h"
#include "berth_tls_version.h"

typedef struct {
  /* Empty: the place is free. */
  char host[BERTH_LONGEST_NAME + 1];
  mbedtls_ssl_session session;
  /* Seconds since 1970. */
  int64_t saved_at;
} berth_tls_saved_session;

struct berth_tls_context {
  unsigned references;
  mbedtls_ssl_config config;
  mbedtls_x509_crt_profile profile;
  mbedtls_x509_crt roots;
  mbedtls_x509_crt chain;
  mbedtls_pk_context key;
#if BERTH_OWN_RANDOM
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;
#endif
  unsigned session_count;
  berth_tls_saved_session sessions[BERTH_TLS_MOST_SESSIONS];
};

/* Hands `ssl` the session that was saved for `host`, if there is a fresh one. Returns mbedTLS's result, 0 without. */
int berth_tls_resume(berth_tls_context *context, const char *host, int64_t now, mbedtls_ssl_context *ssl,
                     bool *offered);

/* Saves the session of `ssl` for `host`, in place of an older one. What cannot be saved is no failure. */
void berth_tls_save_session(berth_tls_context *context, const char *host, int64_t now, mbedtls_ssl_context *ssl);

/*
 * Of an RSA key: mbedTLS 2 and 3 leave the numbers that it blinds with half renewed where memory is lacking, and then
 * fail to sign for ever.
 */
void berth_tls_forget_blinding(berth_tls_context *context);

/* Forgets the session for `host`: the server did not like it, or the connection failed. */
void berth_tls_forget_session(berth_tls_context *context, const char *host);

#endif
