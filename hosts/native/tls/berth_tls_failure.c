// SPDX-License-Identifier: MIT
#include "berth_tls_failure.h"

#include <stdbool.h>
#include <stdio.h>

#if defined(ESP_PLATFORM)
#include <esp_heap_caps.h>
#endif

#include "berth_tls_version.h"

/* Alerts by which a server refuses the client's certificate (RFC 5246, section 7.2.2; RFC 8446 adds 116). */
static bool is_client_certificate_alert(int alert)
{
  return (alert >= 41 && alert <= 46) || alert == 48 || alert == 49 || alert == 116;
}

static const char *alert_name(int alert)
{
  static const struct {
    int alert;
    const char *name;
  } names[] = {
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {22, "record_overflow"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {112, "unrecognized_name"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
  };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (names[i].alert == alert) return names[i].name;
  return "alert";
}

void berth_tls_no_failure(berth_tls_failure *failure)
{
  failure->code = BERTH_TLS_NO_FAILURE;
  failure->detail = 0;
  failure->alert = -1;
  failure->text[0] = 0;
}

void berth_tls_fail(berth_tls_failure *failure, berth_tls_code code, const char *text)
{
  berth_tls_no_failure(failure);
  failure->code = code;
  snprintf(failure->text, sizeof failure->text, "%s", text);
}

void berth_tls_no_memory(berth_tls_failure *failure, size_t asked)
{
  char wanted[40] = "";
  char left[48] = "";
  /* Not %zu, which the printf of newlib-nano prints as "zu". */
  if (asked > 0) snprintf(wanted, sizeof wanted, ", %u bytes asked for", (unsigned)asked);
#if defined(ESP_PLATFORM)
  snprintf(left, sizeof left, ", %u free, %u in one piece", (unsigned)heap_caps_get_free_size(MALLOC_CAP_8BIT),
           (unsigned)heap_caps_get_largest_free_block(MALLOC_CAP_8BIT));
#endif
  berth_tls_no_failure(failure);
  failure->code = BERTH_TLS_OUT_OF_MEMORY;
  snprintf(failure->text, sizeof failure->text, "TLS%s%s", wanted, left);
}

/*
 * Which of several faults is told: that nobody trustworthy vouches for the certificate makes its dates and names
 * worthless, and a date that is wrong is most often the device's own clock.
 */
static void explain_flags(berth_tls_failure *failure, uint32_t flags)
{
  const uint32_t times = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
  const uint32_t names = MBEDTLS_X509_BADCERT_CN_MISMATCH;
  if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
    berth_tls_fail(failure, BERTH_TLS_UNTRUSTED, "no trusted root leads to the server's certificate");
  else if (flags & (MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY))
    berth_tls_fail(failure, BERTH_TLS_UNTRUSTED, "a signature or key in the server's chain is too weak");
  else if (flags &
           (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE | MBEDTLS_X509_BADCERT_NS_CERT_TYPE))
    berth_tls_fail(failure, BERTH_TLS_UNTRUSTED, "the server's certificate is not for a TLS server");
  else if (flags & BERTH_BADCERT_CONSTRAINED)
    berth_tls_fail(failure, BERTH_TLS_UNTRUSTED, "an issuer's name constraints do not allow the server's name");
  else if (flags & BERTH_BADCERT_AUTHORITY)
    berth_tls_fail(failure, BERTH_TLS_UNTRUSTED, "the server's certificate is one of an issuer (cA is true)");
  else if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
    berth_tls_fail(failure, BERTH_TLS_EXPIRED, "a certificate of the server's chain is expired");
  else if (flags & MBEDTLS_X509_BADCERT_FUTURE)
    berth_tls_fail(failure, BERTH_TLS_EXPIRED, "a certificate of the server's chain is not yet valid");
  else if ((flags & names) && !(flags & ~(times | names)))
    berth_tls_fail(failure, BERTH_TLS_NAME_MISMATCH, "the server's certificate carries another name");
  else
    berth_tls_fail(failure, BERTH_TLS_UNTRUSTED, "the server's certificate was refused");
}

/*
 * The certificate is no certificate, or its key of a kind that is not known: errors of X.509 (x509.h: 0x2080 to 0x2F00)
 * and of keys (pk.h: 0x3880 to 0x3F80; ecp.h: 0x4B00 to 0x4F80), with one of ASN.1 (asn1.h: 0x0060 to 0x006C) added to
 * it, which mbedTLS 4 returns alone.
 */
static bool is_unreadable_certificate(int result)
{
  const int high = -result & 0xFF80;
  const bool asn1 = -result >= 0x0060 && -result <= 0x006C;
  const bool key = (high >= 0x3880 && high <= 0x3F80) || (high >= 0x4B00 && high <= 0x4F80);
  return (high >= 0x2080 && high <= 0x2F00) || key || asn1;
}

/*
 * Every module of mbedTLS has a code of its own for it; those of big numbers (0x0010) and ASN.1 (0x006A) are added to
 * that of whoever asked. -141 is PSA's, which mbedTLS 4 returns alone.
 */
static bool is_memory(int result)
{
  const int low = -result & 0x007F;
  const int high = -result & 0xFF80;
  return result == MBEDTLS_ERR_SSL_ALLOC_FAILED || result == MBEDTLS_ERR_X509_ALLOC_FAILED ||
         result == MBEDTLS_ERR_PK_ALLOC_FAILED || result == -141 || low == 0x0010 || low == 0x006A ||
         (low == 0 && (high == 0x4D80 /* ECP */ || high == 0x5180 /* MD */ || high == 0x6180 /* CIPHER */));
}

void berth_tls_explain(berth_tls_failure *failure, berth_tls_phase phase, int result, uint32_t verify_flags, int alert)
{
  const bool early = phase == BERTH_TLS_PHASE_HANDSHAKE || phase == BERTH_TLS_PHASE_KEY_EXCHANGE;
  char text[sizeof failure->text];
  if (result == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
    snprintf(text, sizeof text, "the server sent alert %d, %s", alert, alert_name(alert));
    const bool refused = is_client_certificate_alert(alert) && phase != BERTH_TLS_PHASE_OPEN;
    berth_tls_fail(failure, refused ? BERTH_TLS_CLIENT_CERTIFICATE : early ? BERTH_TLS_HANDSHAKE : BERTH_TLS_LOST, text);
  } else if (result == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
    explain_flags(failure, verify_flags);
  } else if (is_memory(result)) {
    berth_tls_no_memory(failure, 0);
  } else if (phase == BERTH_TLS_PHASE_SETUP) {
    snprintf(text, sizeof text, "mbedTLS refuses it: -0x%04X", (unsigned)-result);
    berth_tls_fail(failure, BERTH_TLS_INVALID_ARGUMENT, text);
  } else if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || result == MBEDTLS_ERR_SSL_CONN_EOF) {
    if (early)
      berth_tls_fail(failure, BERTH_TLS_HANDSHAKE, "the server closed the connection in the TLS handshake");
    else
      berth_tls_fail(failure, BERTH_TLS_LOST, "the server closed the connection");
  } else if (!early) {
    snprintf(text, sizeof text, "TLS broke: mbedTLS -0x%04X", (unsigned)-result);
    berth_tls_fail(failure, BERTH_TLS_LOST, text);
  } else if (result == BERTH_ERR_BAD_CERTIFICATE) {
    berth_tls_fail(failure, BERTH_TLS_UNTRUSTED, "the server's certificate is missing, or not for a TLS server");
  } else if (phase == BERTH_TLS_PHASE_HANDSHAKE && is_unreadable_certificate(result)) {
    snprintf(text, sizeof text, "the server's certificate cannot be read: mbedTLS -0x%04X", (unsigned)-result);
    berth_tls_fail(failure, BERTH_TLS_UNTRUSTED, text);
  } else {
    snprintf(text, sizeof text, "the TLS handshake broke: mbedTLS -0x%04X", (unsigned)-result);
    berth_tls_fail(failure, BERTH_TLS_HANDSHAKE, text);
  }
  failure->detail = result;
  failure->alert = alert;
}

void berth_tls_blame_memory(berth_tls_failure *failure, const berth_lack *lack)
{
  /* Nothing but comparisons. */
  if (!lack->lacked || failure->code == BERTH_TLS_EXPIRED || failure->code == BERTH_TLS_NAME_MISMATCH) return;
  const berth_tls_failure before = *failure;
  berth_tls_no_memory(failure, lack->asked);
  failure->detail = before.detail;
  failure->alert = before.alert;
}
