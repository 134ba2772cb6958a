// SPDX-License-Identifier: MIT
/*
 * Reads along in what a server sends before encryption, for the few rules that some versions of mbedTLS do not keep:
 * - The server may sign its key exchange only as it was offered, and with the kind of key that the suite names
 *   (RFC 5246, section 7.4.3). mbedTLS 3.2 to 3.6.5 and 4.0 take SHA-1 there, whatever was offered.
 * - The messages come in the order of RFC 5246, section 7.3. mbedTLS 2.28 to 4.0 call another one in the place of
 *   Certificate a bad certificate.
 * - A handshake message is no longer than what can be taken in. mbedTLS 3.6.3 and later wait for all 16 MB of one.
 * - Encryption begins where it may, and only that ends the watch. mbedTLS that offers TLS 1.3 drops a ChangeCipherSpec
 *   that comes earlier (RFC 8446, section 5), even when the server then speaks TLS 1.2.
 * - The major version of a record is 3 (RFC 5246, section 6.2.1; RFC 8446, section 5.1).
 * It only ever refuses; what it lets pass is judged by mbedTLS as if it were not there.
 */
#ifndef BERTH_HANDSHAKE_WATCH_H
#define BERTH_HANDSHAKE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  /* Encryption has begun, or something was wrong: nothing more is read. */
  bool over;
  /* Set by the caller: a session was offered, so the server may resume it without showing a certificate. */
  bool may_resume;
  /* What came belongs to TLS 1.3: a HelloRetryRequest, or a ChangeCipherSpec that TLS 1.3 drops. */
  bool only_tls13;
  /* What was wrong; NULL: nothing. */
  const char *fault;
  /* The description of the alert that says so. */
  uint8_t alert;
  uint8_t record[5];
  uint8_t record_at;
  uint16_t record_left;
  uint8_t message[4];
  uint8_t message_at;
  /* The type of the message before; 0: none. */
  uint8_t previous;
  /* Bytes of ServerHello's random that are those of a HelloRetryRequest. */
  uint8_t retry_at;
  uint32_t message_length;
  /* How far into the message. */
  uint32_t at;
  /* Where in the message the next thing of interest begins. */
  uint32_t mark;
  uint16_t suite;
  uint16_t signature;
} berth_handshake_watch;

/*
 * Reads what is about to be fed to mbedTLS. Returns false when it must not be. A watch of zeros is a new one, that of a
 * client without a session.
 */
bool berth_watch(berth_handshake_watch *watch, const uint8_t *bytes, size_t count);

#endif
