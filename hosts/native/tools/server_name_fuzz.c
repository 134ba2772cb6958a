// SPDX-License-Identifier: MIT
/*
 * The check of names below libFuzzer, against rules written down in another way. An input: the host, a NUL, then the
 * entries of subjectAltName: a byte of the tag, one of the length, the bytes.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fuzz_world.h"
#include "berth_server_name.h"

#define MOST 8

static const char LABEL[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/* Decimal, or hexadecimal behind 0x, which may stand alone: resolvers take it for an address. */
static bool is_number(const char *label)
{
  const bool hex = strncasecmp(label, "0x", 2) == 0;
  const char *digits = hex ? label + 2 : label;
  return digits[strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789")] == 0;
}

static berth_name_kind expected_kind(const char *host, uint8_t address[4])
{
  /* Four numbers of one to three digits: inet_pton refuses leading zeros, which count for nothing here. */
  if (inet_pton(AF_INET, host, address) == 1) return BERTH_NAME_IPV4;
  if (strlen(host) > BERTH_LONGEST_NAME) return BERTH_NAME_INVALID;
  const char *label = host;
  for (;;) {
    const size_t length = strspn(label, LABEL);
    if (length == 0 || length > 63) return BERTH_NAME_INVALID;
    if (label[length] == 0) return is_number(label) ? BERTH_NAME_INVALID : BERTH_NAME_DNS;
    if (label[length] != '.') return BERTH_NAME_INVALID;
    label += length + 1;
  }
}

static bool expected_cover(const char *host, const uint8_t *name, size_t length)
{
  char text[256];
  if (length >= sizeof text || memchr(name, 0, length) != NULL) return false;
  memcpy(text, name, length);
  text[length] = 0;
  if (strcasecmp(text, host) == 0) return true;
  const char *rest = strchr(host, '.');
  if (strncmp(text, "*.", 2) != 0 || rest == NULL || rest == host) return false;
  return strchr(text + 2, '.') != NULL && strcasecmp(text + 1, rest) == 0;
}

static bool has_leading_zero(const char *host)
{
  for (const char *part = host; part != NULL; part = strchr(part, '.')) {
    if (*part == '.') part++;
    if (part[0] == '0' && part[1] >= '0' && part[1] <= '9') return true;
  }
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const uint8_t *end = memchr(data, 0, size);
  if (end == NULL) return 0;
  const char *host = (const char *)data;
  uint8_t address[4];
  uint8_t expected_address[4];
  const berth_name_kind kind = berth_name_kind_of(host, address);
  berth_name_kind expected = expected_kind(host, expected_address);
  if (kind == BERTH_NAME_IPV4 && expected != BERTH_NAME_IPV4 && has_leading_zero(host)) {
    expected = kind;
    memcpy(expected_address, address, sizeof address);
  }
  if (kind != expected) berth_fuzz_stop("another kind of name");
  if (kind == BERTH_NAME_IPV4 && memcmp(address, expected_address, sizeof address) != 0)
    berth_fuzz_stop("another address");
  mbedtls_x509_crt certificate;
  mbedtls_x509_crt_init(&certificate);
  mbedtls_x509_sequence entries[MOST] = {0};
  unsigned char *bytes[MOST] = {0};
  size_t count = 0;
  bool covered = false;
  for (size_t at = (size_t)(end - data) + 1; at + 2 <= size && count < MOST; count++) {
    const uint8_t tag = data[at];
    const size_t length = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
    /* Alone in memory, so that a byte read behind it is found. */
    bytes[count] = malloc(length > 0 ? length : 1);
    if (bytes[count] == NULL) abort();
    memcpy(bytes[count], data + at + 2, length);
    mbedtls_x509_sequence *entry = count == 0 ? &certificate.subject_alt_names : &entries[count];
    entry->buf.tag = tag;
    entry->buf.p = bytes[count];
    entry->buf.len = length;
    if (count > 0) (count == 1 ? &certificate.subject_alt_names : &entries[count - 1])->next = entry;
    if (kind == BERTH_NAME_DNS && (tag & 0x1F) == 2) covered |= expected_cover(host, data + at + 2, length);
    if (kind == BERTH_NAME_IPV4 && (tag & 0x1F) == 7 && length == 4) covered |= memcmp(data + at + 2, address, 4) == 0;
    at += 2 + length;
  }
  if (berth_certificate_is_for(&certificate, host) != covered)
    berth_fuzz_stop(covered ? "a certificate is refused" : "a certificate is taken");
  for (size_t i = 0; i < count; i++) free(bytes[i]);
  return 0;
}
