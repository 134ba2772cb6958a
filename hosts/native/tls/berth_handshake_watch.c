// SPDX-License-Identifier: MIT
#include "berth_handshake_watch.h"

/* Content types of records, and types of handshake messages (RFC 5246, sections 6.2.1 and 7.4). */
#define CHANGE_CIPHER_SPEC 20
#define ALERT 21
#define HANDSHAKE 22
#define APPLICATION_DATA 23
#define SERVER_HELLO 2
#define NEW_SESSION_TICKET 4
#define CERTIFICATE 11
#define SERVER_KEY_EXCHANGE 12
#define CERTIFICATE_REQUEST 13
#define SERVER_HELLO_DONE 14

/* Alerts (RFC 5246, section 7.2). */
#define UNEXPECTED_MESSAGE 10
#define ILLEGAL_PARAMETER 47
#define DECODE_ERROR 50
#define PROTOCOL_VERSION 70

/* A certificate chain of a server is shorter by far, and mbedTLS takes no message above one record of 16,384 bytes. */
#define LONGEST_MESSAGE 16384

/* Low bytes of SignatureScheme for what is signed with ECDSA and with PKCS#1 v1.5 (RFC 8446, section 4.2.3). */
#define ECDSA 3
#define RSA 1

/* The random of a ServerHello that asks for another ClientHello (RFC 8446, section 4.1.3). */
static const uint8_t hello_retry_request[32] = {
  0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
  0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
};

static bool refuse(berth_handshake_watch *watch, uint8_t alert, const char *fault)
{
  watch->over = true;
  watch->alert = alert;
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

/* The server asked for another ClientHello. */
static bool is_retry(const berth_handshake_watch *watch)
{
  return watch->retry_at == sizeof hello_retry_request;
}

/* TLS 1.3 has suites of its own (RFC 8446, appendix B.4); mbedTLS refuses them with another version. */
static bool is_tls13(const berth_handshake_watch *watch)
{
  return watch->suite >> 8 == 0x13;
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
  if (watch->at >= 2 && watch->at < 34) {
    if (watch->retry_at == watch->at - 2 && byte == hello_retry_request[watch->retry_at]) watch->retry_at++;
  } else if (watch->at == 34) watch->mark = 35U + byte;
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
      return refuse(watch, ILLEGAL_PARAMETER, "the server signs its key exchange in a way that was not offered");
  }
  return true;
}

/* What a server may send after which message: RFC 5246, section 7.3, and tickets: RFC 5077, section 3.3. */
static bool may_follow(const berth_handshake_watch *watch, uint8_t type)
{
  switch (watch->previous) {
  case 0:
    return type == SERVER_HELLO;
  case SERVER_HELLO:
    if (is_retry(watch)) return type == SERVER_HELLO;
    if (is_tls13(watch) || watch->only_tls13) return false;
    return type == CERTIFICATE || (type == NEW_SESSION_TICKET && watch->may_resume);
  case CERTIFICATE:
    return type == SERVER_KEY_EXCHANGE;
  case SERVER_KEY_EXCHANGE:
    return type == CERTIFICATE_REQUEST || type == SERVER_HELLO_DONE;
  case CERTIFICATE_REQUEST:
    return type == SERVER_HELLO_DONE;
  case SERVER_HELLO_DONE:
    return type == NEW_SESSION_TICKET;
  default:
    return false;
  }
}

static bool begin_message(berth_handshake_watch *watch)
{
  const uint8_t type = watch->message[0];
  watch->message_length =
    (uint32_t)watch->message[1] << 16 | (uint32_t)watch->message[2] << 8 | watch->message[3];
  watch->at = watch->mark = 0;
  if (watch->message_length > LONGEST_MESSAGE)
    return refuse(watch, DECODE_ERROR, "the server sends too long a message");
  if (!may_follow(watch, type))
    return refuse(watch, UNEXPECTED_MESSAGE, "the server sends a handshake message out of order");
  if (type == CERTIFICATE && watch->message_length <= 3)
    return refuse(watch, DECODE_ERROR, "the server sends no certificate");
  watch->previous = type;
  if (type == SERVER_HELLO) {
    /* RFC 8446, section 4.1.4: the version stays that of the HelloRetryRequest. */
    if (is_retry(watch)) watch->only_tls13 = true;
    watch->retry_at = 0;
  }
  return true;
}

static bool read_message(berth_handshake_watch *watch, uint8_t byte)
{
  if (watch->message_at < sizeof watch->message) {
    watch->message[watch->message_at++] = byte;
    if (watch->message_at < sizeof watch->message) return true;
    if (!begin_message(watch)) return false;
  } else {
    if (watch->message[0] == SERVER_HELLO) read_server_hello(watch, byte);
    else if (watch->message[0] == SERVER_KEY_EXCHANGE && !read_key_exchange(watch, byte)) return false;
    watch->at++;
  }
  if (watch->at == watch->message_length) watch->message_at = 0;
  return true;
}

/*
 * Where the server may switch to encryption: after its flight, or after ServerHello when it resumes, with a ticket or
 * without (RFC 5246, section 7.3; RFC 5077, section 3.3).
 */
static bool may_change_cipher(const berth_handshake_watch *watch)
{
  if (watch->previous == SERVER_HELLO) return watch->may_resume && !watch->only_tls13;
  return watch->previous == SERVER_HELLO_DONE || watch->previous == NEW_SESSION_TICKET;
}

/*
 * Where TLS 1.3 drops a ChangeCipherSpec (RFC 8446, section 5). Nothing vouches for it, so anyone on the way can put it
 * there: it must not change what is read afterwards. In TLS 1.2 it is wrong there.
 */
static bool is_dropped(const berth_handshake_watch *watch)
{
  return watch->previous == 0 || (watch->previous == SERVER_HELLO && (is_retry(watch) || is_tls13(watch)));
}

static bool begin_cipher_change(berth_handshake_watch *watch)
{
  if (!is_dropped(watch)) {
    watch->over = may_change_cipher(watch);
    return false;
  }
  watch->only_tls13 = true;
  return true;
}

/* Returns false when nothing more is to be read: the record is refused, or encryption begins. */
static bool begin_record(berth_handshake_watch *watch)
{
  const uint8_t type = watch->record[0];
  watch->record_at = 0;
  watch->record_left = (uint16_t)(watch->record[3] << 8 | watch->record[4]);
  if (watch->record[1] != 3) return refuse(watch, PROTOCOL_VERSION, "the server speaks no TLS");
  if (type == HANDSHAKE || type == ALERT) return true;
  /* RFC 8446, section 5.1: nothing comes in the middle of a message. */
  if (watch->message_at == 0) {
    if (type == CHANGE_CIPHER_SPEC && begin_cipher_change(watch)) return true;
    /* In TLS 1.3 what is encrypted comes as application data. */
    if (type == APPLICATION_DATA) watch->over = watch->previous == SERVER_HELLO && !is_retry(watch) && is_tls13(watch);
  }
  return watch->over ? false : refuse(watch, UNEXPECTED_MESSAGE, "the server sends a record out of order");
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
