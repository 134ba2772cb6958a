// SPDX-License-Identifier: MIT
/*
 * Name constraints, which mbedTLS refuses where they are critical and passes over where they are not: RFC 5280,
 * sections 4.2.1.10 and 6.1.3 (b), (c).
 */
#ifndef BERTH_NAME_CONSTRAINTS_H
#define BERTH_NAME_CONSTRAINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "berth_mbedtls.h"
#include <mbedtls/x509_crt.h>

/*
 * Do the constraints of the CAs in `path`, the root's included, allow all names below them, and `host`?
 * path: the server's certificate first, the root last
 *
 * dNSName and iPAddress are judged; a wildcard is excluded where one of its names is. Of directoryName what is
 * permitted is judged, byte by byte. What is not judged counts as not allowed as soon as a name of that form is below
 * it: an excluded directoryName, and constraints on mail, URIs and the rest. Constraints that are malformed or empty,
 * and those of the server's own certificate, which must have none, are never allowed.
 */
bool berth_names_are_allowed(const mbedtls_x509_crt *const *path, size_t count, const char *host);

#endif
