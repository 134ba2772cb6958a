// SPDX-License-Identifier: MIT
#include "berth_name_constraints.h"

#include <string.h>

#include <mbedtls/asn1.h>

#include "berth_server_name.h"
#include "berth_x509_extension.h"

#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define SUBJECT_ALT_NAME 17
#define NAME_CONSTRAINTS 30

/* GeneralName, whole tags (RFC 5280, section 4.2.1.6). */
#define MAIL 0x81
#define DNS_NAME 0x82
#define DIRECTORY_NAME 0xA4
#define IP_ADDRESS 0x87

#define PERMITTED 0xA0
#define EXCLUDED 0xA1

/* Contents of GeneralSubtrees; no bytes where there are none. */
typedef struct {
  berth_der permitted;
  berth_der excluded;
} constraints;

static size_t length_of(berth_der element)
{
  return (size_t)(element.end - element.at);
}

static bool same(berth_der a, berth_der b)
{
  return a.tag == b.tag && length_of(a) == length_of(b) && memcmp(a.at, b.at, length_of(a)) == 0;
}

static unsigned char lower(unsigned char c)
{
  return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

/* Does `name` end with `end`, without regard to case? */
static bool ends_with(berth_der name, berth_der end)
{
  if (length_of(end) > length_of(name)) return false;
  const unsigned char *part = name.end - length_of(end);
  for (size_t i = 0; i < length_of(end); i++)
    if (lower(part[i]) != lower(end.at[i])) return false;
  return true;
}

/* Zero or more labels before `base`; before one with a leading dot at least one. */
static bool dns_within(berth_der name, berth_der base)
{
  if (!ends_with(name, base)) return false;
  if (length_of(base) == 0 || length_of(base) == length_of(name)) return length_of(base) == 0 || base.at[0] != '.';
  return base.at[0] == '.' || name.end[-(ptrdiff_t)length_of(base) - 1] == '.';
}

/* Is a name that the wildcard `name` covers within `base`, or is all of it? */
static bool dns_touches(berth_der name, berth_der base)
{
  if (dns_within(name, base)) return true;
  if (length_of(name) < 2 || name.at[0] != '*' || name.at[1] != '.') return false;
  const unsigned char *dot = memchr(base.at, '.', length_of(base));
  if (dot == NULL || dot == base.at) return false;
  const berth_der parent = {0, (unsigned char *)dot, base.end};
  const berth_der rest = {0, name.at + 1, name.end};
  return length_of(parent) == length_of(rest) && ends_with(rest, parent);
}

static bool address_within(berth_der name, berth_der base)
{
  const size_t length = length_of(name);
  if (length_of(base) != 2 * length) return false;
  for (size_t i = 0; i < length; i++)
    if ((name.at[i] ^ base.at[i]) & base.at[length + i]) return false;
  return true;
}

/* Name: are the RDNs of `base` the first ones of `name`? */
static bool directory_within(berth_der name, berth_der base)
{
  berth_der names;
  berth_der bases;
  if (!berth_der_next(&name, &names) || !berth_der_next(&base, &bases)) return false;
  berth_der wanted;
  while (berth_der_next(&bases, &wanted)) {
    berth_der found;
    if (!berth_der_next(&names, &found) || !same(found, wanted)) return false;
  }
  return true;
}

static bool is_within(berth_der name, berth_der base)
{
  switch (base.tag) {
    case DNS_NAME: return dns_within(name, base);
    case IP_ADDRESS: return address_within(name, base);
    case DIRECTORY_NAME: return directory_within(name, base);
    default: return false;
  }
}

static bool is_excluded(berth_der name, berth_der base)
{
  switch (base.tag) {
    case DNS_NAME: return dns_touches(name, base);
    case IP_ADDRESS: return address_within(name, base);
    /* Two of them can be the same and differ in every byte: RFC 5280, section 7.1. */
    default: return true;
  }
}

/* The next base of a list that is well-formed. */
static bool next_base(berth_der *list, berth_der *base)
{
  berth_der subtree;
  return berth_der_next(list, &subtree) && berth_der_next(&subtree, base);
}

static bool is_allowed(berth_der name, const constraints *by)
{
  berth_der base;
  bool bound = false;
  bool within = false;
  for (berth_der list = by->permitted; next_base(&list, &base);) {
    if (base.tag != name.tag) continue;
    bound = true;
    within = within || is_within(name, base);
  }
  for (berth_der list = by->excluded; next_base(&list, &base);)
    if (base.tag == name.tag && is_excluded(name, base)) return false;
  return !bound || within;
}

static bool is_dns_base(berth_der base)
{
  bool in_label = false;
  for (const unsigned char *at = base.at; at < base.end; at++) {
    const unsigned char c = lower(*at);
    const bool inside = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!inside && (c != '.' || (!in_label && at != base.at))) return false;
    in_label = inside;
  }
  return in_label || length_of(base) == 0;
}

static bool is_name(berth_der base)
{
  berth_der name;
  berth_der part;
  if (!berth_der_next(&base, &name) || name.tag != SEQUENCE || base.at != base.end) return false;
  while (berth_der_next(&name, &part)) {}
  return name.at == name.end;
}

static bool is_base(berth_der base)
{
  switch (base.tag) {
    case DNS_NAME: return is_dns_base(base);
    case IP_ADDRESS: return length_of(base) == 8 || length_of(base) == 32;
    case DIRECTORY_NAME: return is_name(base);
    default: return (base.tag & 0xC0) == MBEDTLS_ASN1_CONTEXT_SPECIFIC && (base.tag & 0x1F) <= 8;
  }
}

/* minimum must be 0, which DER leaves out, and maximum must not be there. */
static bool is_list(berth_der list)
{
  size_t count = 0;
  for (; list.at < list.end; count++) {
    berth_der subtree;
    berth_der base;
    if (!berth_der_next(&list, &subtree) || subtree.tag != SEQUENCE) return false;
    if (!berth_der_next(&subtree, &base) || subtree.at != subtree.end || !is_base(base)) return false;
  }
  return count > 0;
}

static bool parse(berth_der value, constraints *found)
{
  berth_der sequence;
  berth_der list;
  *found = (constraints){0};
  if (!berth_der_next(&value, &sequence) || sequence.tag != SEQUENCE || value.at != value.end) return false;
  int last = 0;
  while (sequence.at < sequence.end) {
    if (!berth_der_next(&sequence, &list) || list.tag <= last || !is_list(list)) return false;
    if (list.tag == PERMITTED) found->permitted = list;
    else if (list.tag == EXCLUDED) found->excluded = list;
    else return false;
    last = list.tag;
  }
  return last != 0;
}

/* Has the subject an emailAddress (1.2.840.113549.1.9.1)? Constraints on mail are for it, too. */
static bool has_mail(const mbedtls_x509_crt *certificate)
{
  static const unsigned char MAIL_ADDRESS[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01};
  for (const mbedtls_x509_name *part = &certificate->subject; part != NULL; part = part->next) {
    const mbedtls_x509_buf *oid = &part->oid;
    if (oid->len == sizeof MAIL_ADDRESS && memcmp(oid->p, MAIL_ADDRESS, sizeof MAIL_ADDRESS) == 0) return true;
  }
  return false;
}

static bool subject_is_allowed(const mbedtls_x509_crt *certificate, const constraints *by)
{
  const mbedtls_x509_buf *raw = &certificate->subject_raw;
  const berth_der name = {DIRECTORY_NAME, raw->p, raw->p == NULL ? NULL : raw->p + raw->len};
  const berth_der mail = {MAIL, NULL, NULL};
  berth_der whole = name;
  berth_der parts = {0};
  const bool named = berth_der_next(&whole, &parts) && length_of(parts) > 0;
  return (!named || is_allowed(name, by)) && (!has_mail(certificate) || is_allowed(mail, by));
}

static bool certificate_is_allowed(const mbedtls_x509_crt *certificate, const constraints *by)
{
  berth_der extensions = berth_extensions_of(certificate);
  berth_der value;
  if (!subject_is_allowed(certificate, by)) return false;
  while (berth_extension_next(&extensions, SUBJECT_ALT_NAME, &value)) {
    berth_der names;
    berth_der name;
    if (!berth_der_next(&value, &names)) return false;
    while (berth_der_next(&names, &name))
      if (!is_allowed(name, by)) return false;
  }
  return true;
}

static bool host_is_allowed(const char *host, const constraints *by)
{
  uint8_t address[4];
  const bool is_address = berth_name_kind_of(host, address) == BERTH_NAME_IPV4;
  unsigned char *bytes = is_address ? address : (unsigned char *)host;
  const size_t length = is_address ? sizeof address : strlen(host);
  return is_allowed((berth_der){is_address ? IP_ADDRESS : DNS_NAME, bytes, bytes + length}, by);
}

static bool is_self_issued(const mbedtls_x509_crt *certificate)
{
  const mbedtls_x509_buf *subject = &certificate->subject_raw;
  const mbedtls_x509_buf *issuer = &certificate->issuer_raw;
  return subject->len == issuer->len && memcmp(subject->p, issuer->p, issuer->len) == 0;
}

bool berth_names_are_allowed(const mbedtls_x509_crt *const *path, size_t count, const char *host)
{
  for (size_t depth = 0; depth < count; depth++) {
    berth_der extensions = berth_extensions_of(path[depth]);
    berth_der value;
    while (berth_extension_next(&extensions, NAME_CONSTRAINTS, &value)) {
      constraints by;
      if (depth == 0 || !parse(value, &by) || !host_is_allowed(host, &by)) return false;
      for (size_t below = 0; below < depth; below++)
        if ((below == 0 || !is_self_issued(path[below])) && !certificate_is_allowed(path[below], &by)) return false;
    }
  }
  return true;
}
