// SPDX-License-Identifier: MIT
/* Is a certificate for the server that was asked for? RFC 9525, of which mbedTLS 2.28 does a part. */
#ifndef BERTH_SERVER_NAME_H
#define BERTH_SERVER_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "berth_mbedtls.h"
#include <mbedtls/x509_crt.h>

/* The longest DNS name, without its final dot (RFC 1035, section 3.1). */
#define BERTH_LONGEST_NAME 253

typedef enum {
  /* Neither: empty, too long, an IPv6 address, characters that no host name has. */
  BERTH_NAME_INVALID,
  BERTH_NAME_DNS,
  BERTH_NAME_IPV4,
} berth_name_kind;

/* What `host` is. address: gets the four bytes of an IPv4 address */
berth_name_kind berth_name_kind_of(const char *host, uint8_t address[4]);

/*
 * Is `certificate` for `host`? Only subjectAltName counts, never the common name (RFC 9525, section 2). A wildcard
 * is the whole first label, stands for one label, and has two labels behind it; none covers an IP address.
 */
bool berth_certificate_is_for(const mbedtls_x509_crt *certificate, const char *host);

#endif
