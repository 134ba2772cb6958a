// SPDX-License-Identifier: MIT
#include "handshake_watch.h"

/* Content types of records, and types of handshake messages (RFC 5246, sections 6.2.1 and 7.4). */
#define ALERT 21
#define HANDSHAKE 22
#define SERVER_HELLO 2
#define SERVER_KEY_EXCHANGE 12

/* A certificate chain of a server is shorter by far, and mbedTLS takes no message above one record of 16,384 bytes. */
#define LONGEST_MESSAGE 16384

/* Low bytes of SignatureScheme for what is signed with ECDSA and with PKCS#1 v1.5 (RFC 8446, section 4.2.3). */
#define ECDSA 3
#define RSA 1

static bool refuse(berth_handshake_watch *watch, const char *fault)
{
  watch->over = true;
  watch->fault = fault;
  return false;
}

/* The suites of TLS 1.2 that are offered; another one is refused by mbedTLS. */
static bool is_ecdsa_suite(uint16_t suite)
{
  return suite == 0xC02B || suite == 0xC02C;
}

static bool is_rsa_suite(uint16_t suite)
{
  return suite == 0xC02F || suite == 0xC030;
}

static bool may_sign(uint16_t signature, uint16_t suite)
{
  const unsigned hash = signature >> 8;
  const unsigned kind = signature & 0xFF;
  /* SHA-256, SHA-384, SHA-512. */
  const bool strong = hash >= 4 && hash <= 6;
  const bool pss = signature >= 0x0804 && signature <= 0x0806;
  if (is_ecdsa_suite(suite)) return strong && kind == ECDSA;
  if (is_rsa_suite(suite)) return (strong && kind == RSA) || pss;
  return true;
}

/* ServerHello: version (2), random (32), session id (1 + n), suite (2), ... */
static void read_server_hello(berth_handshake_watch *watch, uint8_t byte)
{
  if (watch->at == 34) watch->mark = 35U + byte;
  else if (watch->at > 34 && (watch->at == watch->mark || watch->at == watch->mark + 1))
    watch->suite = (uint16_t)(watch->suite << 8 | byte);
}

/* ServerKeyExchange of ECDHE: named curve (3), point (1 + n), signature scheme (2), ... (RFC 8422, section 5.4) */
static bool read_key_exchange(berth_handshake_watch *watch, uint8_t byte)
{
  if (watch->at == 3) watch->mark = 4U + byte;
  else if (watch->at > 3 && (watch->at == watch->mark || watch->at == watch->mark + 1)) {
    watch->signature = (uint16_t)(watch->signature << 8 | byte);
    if (watch->at == watch->mark + 1 && !may_sign(watch->signature, watch->suite))
      return refuse(watch, "the server signs its key exchange in a way that was not offered");
  }
  return true;
}

static bool read_message(berth_handshake_watch *watch, uint8_t byte)
{
  if (watch->message_at < sizeof watch->message) {
    watch->message[watch->message_at++] = byte;
    if (watch->message_at < sizeof watch->message) return true;
    watch->message_length =
      (uint32_t)watch->message[1] << 16 | (uint32_t)watch->message[2] << 8 | watch->message[3];
    watch->at = watch->mark = 0;
    if (watch->message_length > LONGEST_MESSAGE) return refuse(watch, "the server sends too long a message");
  } else {
    if (watch->message[0] == SERVER_HELLO) read_server_hello(watch, byte);
    else if (watch->message[0] == SERVER_KEY_EXCHANGE && !read_key_exchange(watch, byte)) return false;
    watch->at++;
  }
  if (watch->at == watch->message_length) watch->message_at = 0;
  return true;
}

/* Returns false when the record is refused, or is the first that is not of the handshake in clear. */
static bool begin_record(berth_handshake_watch *watch)
{
  watch->record_at = 0;
  watch->record_left = (uint16_t)(watch->record[3] << 8 | watch->record[4]);
  if (watch->record[1] != 3) return refuse(watch, "the server speaks no TLS");
  if (watch->record[0] == HANDSHAKE || watch->record[0] == ALERT) return true;
  watch->over = true;
  return false;
}

bool berth_watch(berth_handshake_watch *watch, const uint8_t *bytes, size_t count)
{
  for (size_t i = 0; i < count && !watch->over; i++) {
    if (watch->record_left == 0) {
      watch->record[watch->record_at++] = bytes[i];
      if (watch->record_at == sizeof watch->record && !begin_record(watch)) break;
      continue;
    }
    watch->record_left--;
    if (watch->record[0] == HANDSHAKE && !read_message(watch, bytes[i])) break;
  }
  return watch->fault == NULL;
}
