// SPDX-License-Identifier: MIT
#include "berth_hmac.h"

#include <stdlib.h>

#include "berth_mbedtls.h"
#include <mbedtls/platform_util.h>

#if MBEDTLS_VERSION_NUMBER < 0x04000000

#include <mbedtls/md.h>

/* The digest keeps the key as the two states that HMAC starts from. */
struct berth_hmac {
  mbedtls_md_context_t digest;
};

berth_hmac *berth_hmac_new(const uint8_t *key, size_t length)
{
  berth_hmac *hmac = length == 0 ? NULL : calloc(1, sizeof *hmac);
  if (hmac == NULL) return NULL;
  mbedtls_md_init(&hmac->digest);
  const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
  if (mbedtls_md_setup(&hmac->digest, sha256, 1) == 0 && mbedtls_md_hmac_starts(&hmac->digest, key, length) == 0)
    return hmac;
  berth_hmac_free(hmac);
  return NULL;
}

void berth_hmac_free(berth_hmac *hmac)
{
  if (hmac == NULL) return;
  mbedtls_md_free(&hmac->digest);
  mbedtls_platform_zeroize(hmac, sizeof *hmac);
  free(hmac);
}

static bool sign(berth_hmac *hmac, const uint8_t *message, size_t length, uint8_t *code)
{
  return mbedtls_md_hmac_reset(&hmac->digest) == 0 && mbedtls_md_hmac_update(&hmac->digest, message, length) == 0 &&
         mbedtls_md_hmac_finish(&hmac->digest, code) == 0;
}

#else

#include <psa/crypto.h>

/* From 4.0 on HMAC is PSA's. */
struct berth_hmac {
  mbedtls_svc_key_id_t key;
};

berth_hmac *berth_hmac_new(const uint8_t *key, size_t length)
{
  berth_hmac *hmac = length == 0 ? NULL : calloc(1, sizeof *hmac);
  if (hmac == NULL) return NULL;
  psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
  psa_set_key_type(&attributes, PSA_KEY_TYPE_HMAC);
  psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE);
  psa_set_key_algorithm(&attributes, PSA_ALG_HMAC(PSA_ALG_SHA_256));
  if (psa_crypto_init() == PSA_SUCCESS && psa_import_key(&attributes, key, length, &hmac->key) == PSA_SUCCESS)
    return hmac;
  free(hmac);
  return NULL;
}

void berth_hmac_free(berth_hmac *hmac)
{
  if (hmac == NULL) return;
  psa_destroy_key(hmac->key);
  free(hmac);
}

static bool sign(berth_hmac *hmac, const uint8_t *message, size_t length, uint8_t *code)
{
  size_t written = 0;
  return psa_mac_compute(hmac->key, PSA_ALG_HMAC(PSA_ALG_SHA_256), message, length, code, BERTH_HMAC_LENGTH,
                         &written) == PSA_SUCCESS &&
         written == BERTH_HMAC_LENGTH;
}

#endif

bool berth_hmac_sign(berth_hmac *hmac, const uint8_t *message, size_t length, uint8_t code[BERTH_HMAC_LENGTH])
{
  if (sign(hmac, message, length, code)) return true;
  mbedtls_platform_zeroize(code, BERTH_HMAC_LENGTH);
  return false;
}
