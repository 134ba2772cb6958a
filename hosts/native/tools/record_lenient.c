// SPDX-License-Identifier: MIT
/*
 * Lets tls_record, and nothing else, take servers that the engine refuses, so that their handshakes are recorded to the
 * end: played back to the engine as it is, they show that it refuses them. Linked with
 * -Wl,--wrap=mbedtls_ssl_conf_authmode.
 */
#include <mbedtls/ssl.h>

void __real_mbedtls_ssl_conf_authmode(mbedtls_ssl_config *config, int mode);
void __wrap_mbedtls_ssl_conf_authmode(mbedtls_ssl_config *config, int mode);

void __wrap_mbedtls_ssl_conf_authmode(mbedtls_ssl_config *config, int mode)
{
  (void)mode;
  __real_mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_OPTIONAL);
}
