// SPDX-License-Identifier: MIT
#include "berth_tls_context.h"

#include <stdlib.h>

#include "berth_mbedtls.h"
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl_ciphersuites.h>

#include "berth_tls_context_internal.h"

/* Forward secrecy and an AEAD only. AES-128 first: enough, and the faster one on a chip. */
static const int SUITES[] = {
#if BERTH_TLS13
  MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
  MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
#endif
  MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
  MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
  MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
  MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
  0,
};

/* What the server may sign its key exchange with: SHA-256 and above, no SHA-1. */
#if MBEDTLS_VERSION_NUMBER < 0x03000000
static const int SIGNATURE_HASHES[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE};
static const mbedtls_ecp_group_id CURVES[] = {
  MBEDTLS_ECP_DP_SECP256R1,
  MBEDTLS_ECP_DP_SECP384R1,
#if defined(MBEDTLS_ECP_DP_CURVE25519_ENABLED)
  MBEDTLS_ECP_DP_CURVE25519,
#endif
  MBEDTLS_ECP_DP_NONE,
};
#else
static const uint16_t SIGNATURES[] = {
  MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
  MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
  MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
  MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
  MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
  MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
  MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
  MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
  MBEDTLS_TLS1_3_SIG_NONE,
};
static const uint16_t GROUPS[] = {
  MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
  MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
  MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
  MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};
#endif

static int fragment_code(unsigned bytes)
{
  switch (bytes) {
    case 0: return MBEDTLS_SSL_MAX_FRAG_LEN_NONE;
    case 512: return MBEDTLS_SSL_MAX_FRAG_LEN_512;
    case 1024: return MBEDTLS_SSL_MAX_FRAG_LEN_1024;
    case 2048: return MBEDTLS_SSL_MAX_FRAG_LEN_2048;
    case 4096: return MBEDTLS_SSL_MAX_FRAG_LEN_4096;
    default: return -1;
  }
}

static int add_certificates(mbedtls_x509_crt *list, const berth_tls_certificate *certificates, size_t count)
{
  int result = 0;
  for (size_t i = 0; i < count && result == 0; i++) {
    const berth_bytes der = certificates[i].der;
    result = certificates[i].lasting ? mbedtls_x509_crt_parse_der_nocopy(list, der.bytes, der.length)
                                     : mbedtls_x509_crt_parse_der(list, der.bytes, der.length);
  }
  return result;
}

static int parse_key(berth_tls_context *context, berth_bytes key)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && BERTH_OWN_RANDOM
  return mbedtls_pk_parse_key(&context->key, key.bytes, key.length, NULL, 0, mbedtls_ctr_drbg_random, &context->random);
#else
  return mbedtls_pk_parse_key(&context->key, key.bytes, key.length, NULL, 0);
#endif
}

static int check_pair(berth_tls_context *context)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && BERTH_OWN_RANDOM
  return mbedtls_pk_check_pair(&context->chain.pk, &context->key, mbedtls_ctr_drbg_random, &context->random);
#else
  return mbedtls_pk_check_pair(&context->chain.pk, &context->key);
#endif
}

static int start_random(berth_tls_context *context)
{
#if BERTH_NEEDS_PSA
  if (psa_crypto_init() != PSA_SUCCESS) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
#endif
#if BERTH_OWN_RANDOM
  return mbedtls_ctr_drbg_seed(&context->random, mbedtls_entropy_func, &context->entropy, NULL, 0);
#else
  (void)context;
  return 0;
#endif
}

static int configure(berth_tls_context *context, unsigned maximum_fragment)
{
  mbedtls_ssl_config *config = &context->config;
  const int result = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT);
  if (result != 0) return result;
#if BERTH_OWN_RANDOM
  mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &context->random);
#endif
#if MBEDTLS_VERSION_NUMBER < 0x03000000
  mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_sig_hashes(config, SIGNATURE_HASHES);
  mbedtls_ssl_conf_curves(config, CURVES);
#else
  mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#if !BERTH_TLS13
  mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#endif
  mbedtls_ssl_conf_sig_algs(config, SIGNATURES);
  mbedtls_ssl_conf_groups(config, GROUPS);
#endif
  mbedtls_ssl_conf_ciphersuites(config, SUITES);
  mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ca_chain(config, &context->roots, NULL);
  context->profile = mbedtls_x509_crt_profile_default;
  context->profile.allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
                                 MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512);
#if MBEDTLS_VERSION_NUMBER < 0x03000000
  /* As later versions have it: 2.28 takes any, P-192 too. */
  context->profile.allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) |
                                    MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1) |
                                    MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP521R1);
#endif
  mbedtls_ssl_conf_cert_profile(config, &context->profile);
#if defined(MBEDTLS_SSL_RENEGOTIATION)
  mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
  mbedtls_ssl_conf_session_tickets(config, context->session_count > 0 ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
                                                                      : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
#if BERTH_TLS13_TICKETS && defined(MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED)
  /* 3.6.1 and later 3.6 pass over tickets unless told so; the versions before and after always tell. */
  mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(config,
                                                           context->session_count > 0
                                                             ? MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED
                                                             : MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_DISABLED);
#endif
#if defined(MBEDTLS_SSL_MAX_FRAGMENT_LENGTH)
  return mbedtls_ssl_conf_max_frag_len(config, (unsigned char)fragment_code(maximum_fragment));
#else
  (void)maximum_fragment;
  return 0;
#endif
}

static bool failed(berth_tls_failure *failure, int result, const char *about)
{
  if (result == 0) return false;
  berth_lack lack = {0};
  berth_memory_note(&lack);
  berth_tls_explain(failure, BERTH_TLS_PHASE_SETUP, result, 0, -1);
  if (failure->code == BERTH_TLS_INVALID_ARGUMENT) {
    berth_tls_fail(failure, BERTH_TLS_INVALID_ARGUMENT, about);
    failure->detail = result;
  }
  berth_tls_blame_memory(failure, &lack);
  return true;
}

static bool set_up(berth_tls_context *context, const berth_tls_context_options *options, berth_tls_failure *failure)
{
  berth_memory_watch();
  if (failed(failure, start_random(context), "there is no source of random numbers")) return false;
  if (failed(failure, add_certificates(&context->roots, options->roots, options->root_count),
             "a root certificate cannot be read: it must be one certificate in DER"))
    return false;
  if (options->chain_count > 0) {
    if (failed(failure, add_certificates(&context->chain, options->chain, options->chain_count),
               "the client certificate cannot be read: it must be in DER"))
      return false;
    if (failed(failure, parse_key(context, options->key),
               "the private key cannot be read: it must be RSA or EC, PKCS#8 in DER, not encrypted"))
      return false;
    if (failed(failure, check_pair(context), "the private key is not the one of the client certificate")) return false;
  }
  if (failed(failure, configure(context, options->maximum_fragment), "an option of TLS is out of range")) return false;
  if (options->chain_count > 0 &&
      failed(failure, mbedtls_ssl_conf_own_cert(&context->config, &context->chain, &context->key),
             "the client certificate cannot be used"))
    return false;
  return true;
}

static bool check(const berth_tls_context_options *options, berth_tls_failure *failure)
{
  const char *wrong = NULL;
  if (options->root_count == 0) wrong = "there is no root certificate to trust";
  else if ((options->chain_count > 0) != (options->key.length > 0))
    wrong = "a client certificate needs its private key, and the other way round";
  else if (fragment_code(options->maximum_fragment) < 0)
    wrong = "the maximum fragment is 0, 512, 1024, 2048 or 4096 bytes";
  else if (options->sessions > BERTH_TLS_MOST_SESSIONS)
    wrong = "more sessions than can be kept";
  if (wrong != NULL) berth_tls_fail(failure, BERTH_TLS_INVALID_ARGUMENT, wrong);
  return wrong == NULL;
}

berth_tls_context *berth_tls_context_new(const berth_tls_context_options *options, berth_tls_failure *failure)
{
  berth_tls_no_failure(failure);
  if (!check(options, failure)) return NULL;
  berth_tls_context *context = calloc(1, sizeof *context);
  if (context == NULL) {
    berth_tls_no_memory(failure, sizeof *context);
    return NULL;
  }
  context->references = 1;
  context->session_count = options->sessions;
  mbedtls_ssl_config_init(&context->config);
  mbedtls_x509_crt_init(&context->roots);
  mbedtls_x509_crt_init(&context->chain);
  mbedtls_pk_init(&context->key);
#if BERTH_OWN_RANDOM
  mbedtls_entropy_init(&context->entropy);
  mbedtls_ctr_drbg_init(&context->random);
#endif
  if (set_up(context, options, failure)) return context;
  berth_tls_context_release(context);
  return NULL;
}

void berth_tls_forget_blinding(berth_tls_context *context)
{
#if BERTH_OWN_RANDOM && defined(MBEDTLS_RSA_C)
  if (mbedtls_pk_get_type(&context->key) != MBEDTLS_PK_RSA) return;
  mbedtls_rsa_context *rsa = mbedtls_pk_rsa(context->key);
  mbedtls_mpi_free(&rsa->BERTH_PRIVATE(Vi));
  mbedtls_mpi_free(&rsa->BERTH_PRIVATE(Vf));
#else
  (void)context;
#endif
}

void berth_tls_context_release(berth_tls_context *context)
{
  if (context == NULL || --context->references > 0) return;
  berth_tls_context_forget_sessions(context);
  mbedtls_ssl_config_free(&context->config);
  mbedtls_x509_crt_free(&context->roots);
  mbedtls_x509_crt_free(&context->chain);
  mbedtls_pk_free(&context->key);
#if BERTH_OWN_RANDOM
  mbedtls_ctr_drbg_free(&context->random);
  mbedtls_entropy_free(&context->entropy);
#endif
  mbedtls_platform_zeroize(context, sizeof *context);
  free(context);
}
