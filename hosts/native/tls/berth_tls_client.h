// SPDX-License-Identifier: MIT
/*
 * One TLS connection of a client, without a socket: the caller moves the ciphertext.
 *
 *   TCP -> berth_tls_feed -> [engine] -> berth_tls_read  -> application
 *   TCP <- berth_tls_drain <- [engine] <- berth_tls_write <- application
 *
 * Nothing blocks and nothing calls back. After each feed, and whenever drain has made room, call berth_tls_advance.
 * TLS 1.2 at least, ECDHE with AES-GCM, no renegotiation, the server always verified: there is no switch to turn
 * that off. No byte of the application passes in either direction before the handshake is done.
 */
#ifndef BERTH_TLS_CLIENT_H
#define BERTH_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "berth_tls_context.h"

typedef struct berth_tls_client berth_tls_client;

/* The numbers are known to hosts/native/natives.ts. */
typedef enum {
  BERTH_TLS_HANDSHAKING = 0,
  BERTH_TLS_OPEN = 1,
  /* berth_tls_client_failure says why. What waits for berth_tls_drain holds the alert for the server. Final. */
  BERTH_TLS_FAILED = 2,
} berth_tls_state;

typedef struct {
  /* DNS name or IPv4 address that the server's certificate must carry. A name is sent as SNI (RFC 6066, section 3). */
  const char *host;
  /* Seconds since 1970, by which certificates are judged. ESP-IDF's mbedTLS does not look at dates by default. */
  int64_t now;
  /* Bytes of ciphertext that wait to be taken in, and out; 0: 2,048 and 4,352. 512 and 1,024 at least, 16 MB at most. */
  size_t input_size;
  size_t output_size;
} berth_tls_client_options;

/*
 * Makes a client and writes its ClientHello. The context must be there as long as the call; the client keeps it.
 * Returns NULL on failure: BERTH_TLS_INVALID_ARGUMENT (host, now, a size) or BERTH_TLS_OUT_OF_MEMORY.
 */
berth_tls_client *berth_tls_client_new(berth_tls_context *context, const berth_tls_client_options *options,
                                       berth_tls_failure *failure);

/* Wipes and frees. Idempotent with NULL. */
void berth_tls_client_free(berth_tls_client *client);

/* Takes ciphertext of the server. Returns how many bytes it took: fewer than `count` when its buffer is full. */
size_t berth_tls_feed(berth_tls_client *client, const void *bytes, size_t count);

/* The server will send nothing more: TCP has ended. What was fed before still counts. */
void berth_tls_end_of_input(berth_tls_client *client);

/* Goes on with the handshake, or decrypts the next record. Returns the state. */
berth_tls_state berth_tls_advance(berth_tls_client *client);

/* Why it failed; the code is BERTH_TLS_NO_FAILURE as long as it has not. */
const berth_tls_failure *berth_tls_client_failure(const berth_tls_client *client);

/* Was the handshake a resumption? Meaningful once open. */
bool berth_tls_resumed(const berth_tls_client *client);

/* "TLSv1.2" or "TLSv1.3", and the name of the suite. Meaningful once open. */
const char *berth_tls_version_name(const berth_tls_client *client);
const char *berth_tls_suite_name(const berth_tls_client *client);

/* Ciphertext that berth_tls_feed can take now. */
size_t berth_tls_input_room(const berth_tls_client *client);

/* Decrypted bytes that berth_tls_read gives without more ciphertext; more may follow them. */
size_t berth_tls_readable(const berth_tls_client *client);

/* Gives decrypted bytes; 0 when there are none now, before the handshake is done, and after a failure. */
size_t berth_tls_read(berth_tls_client *client, void *bytes, size_t size);

/* Bytes that berth_tls_write takes now; 0 unless open. */
size_t berth_tls_room(const berth_tls_client *client);

/*
 * Encrypts `count` bytes, as one record where they fit one. Returns false, and sends nothing, when they do not fit
 * the room or the connection is not open; false as well when TLS breaks, which the state tells.
 */
bool berth_tls_write(berth_tls_client *client, const void *bytes, size_t count);

/* Ciphertext that waits for the server. */
size_t berth_tls_pending(const berth_tls_client *client);

/* Gives ciphertext for the server. Returns how many bytes. */
size_t berth_tls_drain(berth_tls_client *client, void *bytes, size_t size);

/* Says close_notify where the connection is open, and ends it: nothing can be read or written after it. */
void berth_tls_finish(berth_tls_client *client);

#endif
