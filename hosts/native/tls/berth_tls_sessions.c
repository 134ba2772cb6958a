// SPDX-License-Identifier: MIT
/*
 * Sessions for resumption. They live in RAM only and inside the context, so that one is never offered with other roots
 * or as another device; a restart begins anew.
 */
#include <string.h>

#include "berth_mbedtls.h"
#include <mbedtls/platform_util.h>

#include "berth_tls_context_internal.h"

/* Resumption skips the check of the certificates, so it must not go on for ever; RFC 5246, appendix F.1.4: 24 hours. */
#define LONGEST_LIFE (24 * 3600)

static berth_tls_saved_session *find(berth_tls_context *context, const char *host)
{
  for (unsigned i = 0; i < context->session_count; i++)
    if (strcmp(context->sessions[i].host, host) == 0) return &context->sessions[i];
  return NULL;
}

static void forget(berth_tls_saved_session *saved)
{
  if (saved == NULL || saved->host[0] == 0) return;
  /* Wipes the secret as well. */
  mbedtls_ssl_session_free(&saved->session);
  mbedtls_platform_zeroize(saved, sizeof *saved);
}

void berth_tls_forget_session(berth_tls_context *context, const char *host)
{
  forget(find(context, host));
}

void berth_tls_context_forget_sessions(berth_tls_context *context)
{
  for (unsigned i = 0; i < context->session_count; i++) forget(&context->sessions[i]);
}

int berth_tls_resume(berth_tls_context *context, const char *host, int64_t now, mbedtls_ssl_context *ssl,
                     bool *offered)
{
  berth_tls_saved_session *saved = find(context, host);
  *offered = false;
  if (saved != NULL && (now < saved->saved_at || now - saved->saved_at > LONGEST_LIFE)) forget(saved);
  else if (saved != NULL) {
    const int result = mbedtls_ssl_set_session(ssl, &saved->session);
    *offered = result == 0;
    return result;
  }
  return 0;
}

/* The place of the same host, else a free one, else the oldest. */
static berth_tls_saved_session *place_for(berth_tls_context *context, const char *host)
{
  berth_tls_saved_session *best = find(context, host);
  for (unsigned i = 0; i < context->session_count && best == NULL; i++)
    if (context->sessions[i].host[0] == 0) best = &context->sessions[i];
  if (best != NULL || context->session_count == 0) return best;
  best = &context->sessions[0];
  for (unsigned i = 1; i < context->session_count; i++)
    if (context->sessions[i].saved_at < best->saved_at) best = &context->sessions[i];
  return best;
}

void berth_tls_save_session(berth_tls_context *context, const char *host, int64_t now, mbedtls_ssl_context *ssl)
{
  berth_tls_saved_session *saved = place_for(context, host);
  if (saved == NULL) return;
  const bool again = strcmp(saved->host, host) == 0;
  /* The life counts from the full handshake: a resumed session does not prolong it. */
  const int64_t saved_at = again ? saved->saved_at : now;
  forget(saved);
  mbedtls_ssl_session_init(&saved->session);
  if (mbedtls_ssl_get_session(ssl, &saved->session) != 0) {
    mbedtls_ssl_session_free(&saved->session);
    mbedtls_platform_zeroize(saved, sizeof *saved);
    return;
  }
  memcpy(saved->host, host, strlen(host) + 1);
  saved->saved_at = saved_at;
}
