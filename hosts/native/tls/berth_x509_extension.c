// SPDX-License-Identifier: MIT
#include "berth_x509_extension.h"

#include <stddef.h>
#include <string.h>

#include <mbedtls/asn1.h>

#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define BASIC_CONSTRAINTS 19

bool berth_der_next(berth_der *rest, berth_der *element)
{
  size_t length;
  if (rest->at == NULL || rest->at >= rest->end) return false;
  element->tag = *rest->at++;
  if (mbedtls_asn1_get_len(&rest->at, rest->end, &length) != 0) return false;
  element->at = rest->at;
  rest->at += length;
  element->end = rest->at;
  return true;
}

berth_der berth_extensions_of(const mbedtls_x509_crt *certificate)
{
  const mbedtls_x509_buf *all = &certificate->v3_ext;
  berth_der holder = {0, all->p, all->p == NULL ? NULL : all->p + all->len};
  berth_der list = {0};
  return berth_der_next(&holder, &list) && list.tag == SEQUENCE ? list : (berth_der){0};
}

bool berth_extension_next(berth_der *extensions, unsigned char arc, berth_der *value)
{
  const unsigned char identifier[] = {0x55, 0x1D, arc};
  berth_der extension;
  berth_der part;
  while (berth_der_next(extensions, &extension)) {
    if (!berth_der_next(&extension, &part) || part.tag != MBEDTLS_ASN1_OID) continue;
    if (part.end - part.at != (ptrdiff_t)sizeof identifier) continue;
    if (memcmp(part.at, identifier, sizeof identifier) != 0) continue;
    while (berth_der_next(&extension, value))
      if (value->tag == MBEDTLS_ASN1_OCTET_STRING) return true;
  }
  return false;
}

bool berth_is_authority(const mbedtls_x509_crt *certificate)
{
  berth_der extensions = berth_extensions_of(certificate);
  berth_der value;
  while (berth_extension_next(&extensions, BASIC_CONSTRAINTS, &value)) {
    berth_der sequence;
    berth_der flag;
    if (!berth_der_next(&value, &sequence) || !berth_der_next(&sequence, &flag)) continue;
    if (flag.tag == MBEDTLS_ASN1_BOOLEAN && flag.at < flag.end && *flag.at != 0) return true;
  }
  return false;
}
