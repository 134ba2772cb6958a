// SPDX-License-Identifier: MIT
/* The extensions of a certificate that mbedTLS does not show. DER, each read bounded by what holds it. */
#ifndef BERTH_X509_EXTENSION_H
#define BERTH_X509_EXTENSION_H

#include <stdbool.h>

#include "berth_mbedtls.h"
#include <mbedtls/x509_crt.h>

/* Bytes, of which what is read next is at `at`. With `tag`, the contents of an element. */
typedef struct {
  int tag;
  unsigned char *at;
  const unsigned char *end;
} berth_der;

/* Reads the next element of `rest`. Returns false at the end, and for a length that is none or goes beyond it. */
bool berth_der_next(berth_der *rest, berth_der *element);

/* All of them, for berth_extension_next. Empty for a certificate without. */
berth_der berth_extensions_of(const mbedtls_x509_crt *certificate);

/* Goes on to the next extension 2.5.29.`arc` (RFC 5280, section 4.2). value: gets what its OCTET STRING holds */
bool berth_extension_next(berth_der *extensions, unsigned char arc, berth_der *value);

/* Is cA of basicConstraints true (RFC 5280, section 4.2.1.9)? */
bool berth_is_authority(const mbedtls_x509_crt *certificate);

#endif
