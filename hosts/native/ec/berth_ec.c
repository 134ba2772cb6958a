// SPDX-License-Identifier: MIT
#include "berth_ec.h"

#include <stdlib.h>
#include <string.h>

#include "berth_mbedtls.h"
#include <mbedtls/platform_util.h>

#define NUMBER BERTH_EC_SCALAR
/* Both numbers of a signature, big-endian, one behind the other. */
#define RAW (2 * NUMBER)

/* One number as an INTEGER of DER; returns how many bytes. */
static size_t write_integer(const uint8_t number[NUMBER], uint8_t *der)
{
  size_t zeros = 0;
  while (zeros < NUMBER - 1 && number[zeros] == 0) zeros++;
  const size_t sign = number[zeros] >> 7;
  const size_t length = NUMBER - zeros + sign;
  der[0] = 0x02;
  der[1] = (uint8_t)length;
  der[2] = 0;
  memcpy(der + 2 + sign, number + zeros, NUMBER - zeros);
  return 2 + length;
}

static size_t write_signature(const uint8_t raw[RAW], uint8_t der[BERTH_EC_SIGNATURE])
{
  size_t length = write_integer(raw, der + 2);
  length += write_integer(raw + NUMBER, der + 2 + length);
  der[0] = 0x30;
  der[1] = (uint8_t)length;
  return 2 + length;
}

/* Returns how many bytes of `der` it took; 0 for what is no positive INTEGER of 32 bytes at most. */
static size_t read_integer(const uint8_t *der, size_t length, uint8_t number[NUMBER])
{
  if (length < 3 || der[0] != 0x02 || der[1] == 0 || der[1] > length - 2 || der[2] > 0x7f) return 0;
  const size_t whole = der[1];
  /* One zero at most, and only where the number would else be negative. */
  const size_t zero = der[2] == 0 && whole > 1;
  if (whole - zero > NUMBER || (zero && der[3] < 0x80)) return 0;
  memset(number, 0, NUMBER);
  memcpy(number + NUMBER - (whole - zero), der + 2 + zero, whole - zero);
  return 2 + whole;
}

static bool read_signature(const uint8_t *der, size_t length, uint8_t raw[RAW])
{
  if (length < 2 || length > BERTH_EC_SIGNATURE || der[0] != 0x30 || der[1] != length - 2) return false;
  const size_t first = read_integer(der + 2, length - 2, raw);
  return first > 0 && read_integer(der + 2 + first, length - 2 - first, raw + NUMBER) == length - 2 - first;
}

#if MBEDTLS_VERSION_NUMBER < 0x04000000

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/md.h>

#define HASH 32

/* What one operation needs; on the heap, for the stack of a board is small. */
typedef struct {
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;
  mbedtls_ecp_group group;
  mbedtls_ecp_point point;
  mbedtls_mpi scalar, r, s;
  uint8_t hash[HASH];
} work;

static void end(work *all)
{
  if (all == NULL) return;
  mbedtls_mpi_free(&all->s);
  mbedtls_mpi_free(&all->r);
  mbedtls_mpi_free(&all->scalar);
  mbedtls_ecp_point_free(&all->point);
  mbedtls_ecp_group_free(&all->group);
  mbedtls_ctr_drbg_free(&all->random);
  mbedtls_entropy_free(&all->entropy);
  mbedtls_platform_zeroize(all, sizeof *all);
  free(all);
}

static work *begin(bool needs_random)
{
  work *all = calloc(1, sizeof *all);
  if (all == NULL) return NULL;
  mbedtls_entropy_init(&all->entropy);
  mbedtls_ctr_drbg_init(&all->random);
  mbedtls_ecp_group_init(&all->group);
  mbedtls_ecp_point_init(&all->point);
  mbedtls_mpi_init(&all->scalar);
  mbedtls_mpi_init(&all->r);
  mbedtls_mpi_init(&all->s);
  if (mbedtls_ecp_group_load(&all->group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
      (!needs_random || mbedtls_ctr_drbg_seed(&all->random, mbedtls_entropy_func, &all->entropy, NULL, 0) == 0))
    return all;
  end(all);
  return NULL;
}

static bool hash(work *all, const uint8_t *message, size_t length)
{
  return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), message, length, all->hash) == 0;
}

static bool generate(uint8_t *scalar, uint8_t *point)
{
  work *all = begin(true);
  size_t written = 0;
  const bool done =
    all != NULL &&
    mbedtls_ecp_gen_keypair(&all->group, &all->scalar, &all->point, mbedtls_ctr_drbg_random, &all->random) == 0 &&
    mbedtls_mpi_write_binary(&all->scalar, scalar, NUMBER) == 0 &&
    mbedtls_ecp_point_write_binary(&all->group, &all->point, MBEDTLS_ECP_PF_UNCOMPRESSED, &written, point,
                                   BERTH_EC_POINT) == 0;
  end(all);
  return done && written == BERTH_EC_POINT;
}

static bool sign(const uint8_t *scalar, const uint8_t *message, size_t length, uint8_t raw[RAW])
{
  work *all = begin(true);
  const bool done = all != NULL && hash(all, message, length) &&
                    mbedtls_mpi_read_binary(&all->scalar, scalar, NUMBER) == 0 &&
                    mbedtls_ecp_check_privkey(&all->group, &all->scalar) == 0 &&
                    mbedtls_ecdsa_sign(&all->group, &all->r, &all->s, &all->scalar, all->hash, HASH,
                                       mbedtls_ctr_drbg_random, &all->random) == 0 &&
                    mbedtls_mpi_write_binary(&all->r, raw, NUMBER) == 0 &&
                    mbedtls_mpi_write_binary(&all->s, raw + NUMBER, NUMBER) == 0;
  end(all);
  return done;
}

static bool verify(const uint8_t *point, const uint8_t *message, size_t length, const uint8_t raw[RAW])
{
  work *all = begin(false);
  const bool done = all != NULL && hash(all, message, length) &&
                    mbedtls_ecp_point_read_binary(&all->group, &all->point, point, BERTH_EC_POINT) == 0 &&
                    mbedtls_ecp_check_pubkey(&all->group, &all->point) == 0 &&
                    mbedtls_mpi_read_binary(&all->r, raw, NUMBER) == 0 &&
                    mbedtls_mpi_read_binary(&all->s, raw + NUMBER, NUMBER) == 0 &&
                    mbedtls_ecdsa_verify(&all->group, all->hash, HASH, &all->point, &all->r, &all->s) == 0;
  end(all);
  return done;
}

#else

#include <psa/crypto.h>

#define ALGORITHM PSA_ALG_ECDSA(PSA_ALG_SHA_256)

static psa_key_attributes_t attributes_of(psa_key_type_t type, psa_key_usage_t usage)
{
  psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
  psa_set_key_type(&attributes, type);
  psa_set_key_bits(&attributes, 8 * NUMBER);
  psa_set_key_usage_flags(&attributes, usage);
  psa_set_key_algorithm(&attributes, ALGORITHM);
  return attributes;
}

static bool generate(uint8_t *scalar, uint8_t *point)
{
  const psa_key_attributes_t attributes =
    attributes_of(PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1), PSA_KEY_USAGE_EXPORT);
  mbedtls_svc_key_id_t key = MBEDTLS_SVC_KEY_ID_INIT;
  size_t numbers = 0, points = 0;
  if (psa_crypto_init() != PSA_SUCCESS || psa_generate_key(&attributes, &key) != PSA_SUCCESS) return false;
  const bool done = psa_export_key(key, scalar, NUMBER, &numbers) == PSA_SUCCESS &&
                    psa_export_public_key(key, point, BERTH_EC_POINT, &points) == PSA_SUCCESS;
  psa_destroy_key(key);
  return done && numbers == NUMBER && points == BERTH_EC_POINT;
}

static bool sign(const uint8_t *scalar, const uint8_t *message, size_t length, uint8_t raw[RAW])
{
  const psa_key_attributes_t attributes =
    attributes_of(PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1), PSA_KEY_USAGE_SIGN_MESSAGE);
  mbedtls_svc_key_id_t key = MBEDTLS_SVC_KEY_ID_INIT;
  size_t written = 0;
  if (psa_crypto_init() != PSA_SUCCESS || psa_import_key(&attributes, scalar, NUMBER, &key) != PSA_SUCCESS) return false;
  const bool done = psa_sign_message(key, ALGORITHM, message, length, raw, RAW, &written) == PSA_SUCCESS;
  psa_destroy_key(key);
  return done && written == RAW;
}

static bool verify(const uint8_t *point, const uint8_t *message, size_t length, const uint8_t raw[RAW])
{
  const psa_key_attributes_t attributes =
    attributes_of(PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1), PSA_KEY_USAGE_VERIFY_MESSAGE);
  mbedtls_svc_key_id_t key = MBEDTLS_SVC_KEY_ID_INIT;
  if (psa_crypto_init() != PSA_SUCCESS || psa_import_key(&attributes, point, BERTH_EC_POINT, &key) != PSA_SUCCESS)
    return false;
  const bool done = psa_verify_message(key, ALGORITHM, message, length, raw, RAW) == PSA_SUCCESS;
  psa_destroy_key(key);
  return done;
}

#endif

bool berth_ec_generate(uint8_t scalar[BERTH_EC_SCALAR], uint8_t point[BERTH_EC_POINT])
{
  if (generate(scalar, point)) return true;
  mbedtls_platform_zeroize(scalar, BERTH_EC_SCALAR);
  memset(point, 0, BERTH_EC_POINT);
  return false;
}

bool berth_ec_sign(const uint8_t scalar[BERTH_EC_SCALAR], const uint8_t *message, size_t length,
                   uint8_t signature[BERTH_EC_SIGNATURE], size_t *signature_length)
{
  uint8_t raw[RAW];
  const bool done = sign(scalar, message, length, raw);
  *signature_length = done ? write_signature(raw, signature) : 0;
  return done;
}

bool berth_ec_verify(const uint8_t *point, size_t point_length, const uint8_t *message, size_t length,
                     const uint8_t *signature, size_t signature_length)
{
  uint8_t raw[RAW];
  return point_length == BERTH_EC_POINT && point[0] == 0x04 && read_signature(signature, signature_length, raw) &&
         verify(point, message, length, raw);
}
