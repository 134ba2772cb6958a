// SPDX-License-Identifier: MIT
#include "berth_server_name.h"

#include <stddef.h>
#include <string.h>

/* Choices of GeneralName (RFC 5280, section 4.2.1.6): the number of the context-specific tag. */
#define DNS_NAME 2
#define IP_ADDRESS 7
#define TAG_NUMBER 0x1F

static bool parse_ipv4(const char *text, uint8_t address[4])
{
  for (int part = 0; part < 4; part++) {
    unsigned value = 0;
    int digits = 0;
    while (*text >= '0' && *text <= '9' && digits < 4) {
      value = value * 10 + (unsigned)(*text++ - '0');
      digits++;
    }
    if (digits == 0 || digits > 3 || value > 255) return false;
    address[part] = (uint8_t)value;
    if (*text++ != (part < 3 ? '.' : 0)) return false;
  }
  return true;
}

static bool is_label_character(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Digits only, or 0x and hexadecimal digits: resolvers read such a last label as a number. */
static bool is_number(const char *label, size_t length)
{
  const bool hex = length >= 2 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X');
  for (size_t i = hex ? 2 : 0; i < length; i++) {
    const char c = label[i];
    const bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if ((c < '0' || c > '9') && !(hex && letter)) return false;
  }
  return true;
}

/* A last label that is a number is an address that went wrong, as 127.1, 1.2.3.256 or 0x7f000001: no name (RFC 1123,
   section 2.1; WHATWG URL, "ends in a number"). */
static bool is_dns_name(const char *host)
{
  size_t length = 0;
  size_t label = 0;
  for (; host[length] != 0; length++) {
    const char c = host[length];
    if (length >= BERTH_LONGEST_NAME) return false;
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    if (!is_label_character(c) || ++label > 63) return false;
  }
  return label > 0 && !is_number(host + length - label, label);
}

berth_name_kind berth_name_kind_of(const char *host, uint8_t address[4])
{
  if (parse_ipv4(host, address)) return BERTH_NAME_IPV4;
  return is_dns_name(host) ? BERTH_NAME_DNS : BERTH_NAME_INVALID;
}

static char lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool equal(const unsigned char *a, const char *b, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (lower((char)a[i]) != lower(b[i])) return false;
  return true;
}

static bool dns_name_covers(const unsigned char *name, size_t length, const char *host)
{
  const size_t host_length = strlen(host);
  if (length == host_length && equal(name, host, length)) return true;
  if (length < 3 || name[0] != '*' || name[1] != '.') return false;
  /* "*.com" would be every name below com. */
  if (memchr(name + 2, '.', length - 2) == NULL) return false;
  const char *dot = strchr(host, '.');
  if (dot == NULL || dot == host) return false;
  const size_t rest = host_length - (size_t)(dot - host);
  return rest == length - 1 && equal(name + 1, dot, rest);
}

bool berth_certificate_is_for(const mbedtls_x509_crt *certificate, const char *host)
{
  uint8_t address[4];
  const berth_name_kind kind = berth_name_kind_of(host, address);
  if (kind == BERTH_NAME_INVALID) return false;
  for (const mbedtls_x509_sequence *entry = &certificate->subject_alt_names; entry != NULL; entry = entry->next) {
    const unsigned char *bytes = entry->buf.p;
    const size_t length = entry->buf.len;
    if (bytes == NULL) continue;
    const int tag = entry->buf.tag & TAG_NUMBER;
    if (kind == BERTH_NAME_DNS && tag == DNS_NAME && dns_name_covers(bytes, length, host)) return true;
    if (kind == BERTH_NAME_IPV4 && tag == IP_ADDRESS && length == 4 && memcmp(bytes, address, 4) == 0) return true;
  }
  return false;
}
