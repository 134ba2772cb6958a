/* SPDX-License-Identifier: MIT */
/*
 * A device in C: TLS by mbedTLS (2.28 to 3.6) and three packets of MQTT 3.1.1, against an emulator that runs.
 *
 *   cc telemetry.c -o telemetry -lmbedtls -lmbedx509 -lmbedcrypto
 *   HUB=hub-2.example
 *   BERTH_PASSWORD=$(npx berth sas --resource $HUB/devices/device-1 --key-file KEY) \
 *     ./telemetry 127.0.0.1 8883 root.pem $HUB device-1 '{"celsius":21}'
 *
 * Status 0 when the hub has acknowledged the message, 1 when not, with the reason.
 */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

static void fail(const char *what, int code) {
	if (code < 0) fprintf(stderr, "%s: -0x%04x\n", what, (unsigned)-code);
	else fprintf(stderr, "%s: %d\n", what, code);
	exit(1);
}

/* A packet in the making; MQTT 3.1.1, section 2. */
static unsigned char packet[4096];
static size_t used;

static void put(const void *bytes, size_t length) {
	if (used + length > sizeof packet) fail("the packet is too large", (int)length);
	memcpy(packet + used, bytes, length);
	used += length;
}

static void put16(unsigned value) {
	unsigned char bytes[2] = {(unsigned char)(value >> 8), (unsigned char)value};
	put(bytes, 2);
}

static void put_text(const char *text) {
	put16((unsigned)strlen(text));
	put(text, strlen(text));
}

static void send_packet(mbedtls_ssl_context *ssl, unsigned char type) {
	unsigned char header[3] = {type, (unsigned char)(used & 0x7f), 0};
	size_t sizes[2] = {2, used};
	const unsigned char *parts[2] = {header, packet};
	if (used > 0x7f) {
		header[1] |= 0x80;
		header[2] = (unsigned char)(used >> 7);
		sizes[0] = 3;
	}
	for (int i = 0; i < 2; i++)
		for (size_t sent = 0; sent < sizes[i];) {
			int written = mbedtls_ssl_write(ssl, parts[i] + sent, sizes[i] - sent);
			if (written <= 0) fail("write", written);
			sent += (size_t)written;
		}
	used = 0;
}

/* CONNACK and PUBACK have four bytes each. */
static void expect(mbedtls_ssl_context *ssl, unsigned char type, const char *what, unsigned char answer[4]) {
	for (size_t got = 0; got < 4;) {
		int read = mbedtls_ssl_read(ssl, answer + got, 4 - got);
		if (read <= 0) fail(what, read);
		got += (size_t)read;
	}
	if (answer[0] != type || answer[1] != 2) fail(what, answer[0]);
}

int main(int count, char **arguments) {
	const char *password = getenv("BERTH_PASSWORD");
	if (count != 7 || password == NULL) {
		fprintf(stderr, "usage: BERTH_PASSWORD=TOKEN telemetry ADDRESS PORT ROOT HUB DEVICE MESSAGE\n");
		return 2;
	}
	const char *hub = arguments[4], *device = arguments[5], *message = arguments[6];
	char user[512], topic[512];
	unsigned char answer[4];

	mbedtls_net_context net;
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	mbedtls_x509_crt root;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
	mbedtls_net_init(&net);
	mbedtls_ssl_init(&ssl);
	mbedtls_ssl_config_init(&config);
	mbedtls_x509_crt_init(&root);
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&random);
#if MBEDTLS_VERSION_MAJOR >= 3
	if (psa_crypto_init() != PSA_SUCCESS) fail("psa_crypto_init", 0);
#endif

	int code = mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0);
	if (code != 0) fail("random numbers", code);
	if ((code = mbedtls_x509_crt_parse_file(&root, arguments[3])) != 0) fail("the root", code);
	code = mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
	                                   MBEDTLS_SSL_PRESET_DEFAULT);
	if (code != 0) fail("configuration", code);
	mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(&config, &root, NULL);
	mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
	if ((code = mbedtls_ssl_setup(&ssl, &config)) != 0) fail("set-up", code);
	/* The name that the certificate has to have, wherever the address leads. */
	if ((code = mbedtls_ssl_set_hostname(&ssl, hub)) != 0) fail("the name", code);
	if ((code = mbedtls_net_connect(&net, arguments[1], arguments[2], MBEDTLS_NET_PROTO_TCP)) != 0)
		fail("connect", code);
	mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
	if ((code = mbedtls_ssl_handshake(&ssl)) != 0) fail("TLS", code);

	snprintf(user, sizeof user, "%s/%s/?api-version=2021-04-12", hub, device);
	put_text("MQTT");
	put("\x04\xc2", 2); /* level 4; user name, password, clean session */
	put16(60);
	put_text(device);
	put_text(user);
	put_text(password);
	send_packet(&ssl, 0x10);
	expect(&ssl, 0x20, "CONNACK", answer);
	if (answer[3] != 0) fail("the hub refuses the device: CONNACK", answer[3]);

	snprintf(topic, sizeof topic, "devices/%s/messages/events/", device);
	put_text(topic);
	put16(1);
	put(message, strlen(message));
	send_packet(&ssl, 0x32); /* QoS 1 */
	expect(&ssl, 0x40, "PUBACK", answer);

	send_packet(&ssl, 0xe0);
	mbedtls_ssl_close_notify(&ssl);
	mbedtls_ssl_free(&ssl);
	mbedtls_net_free(&net);
	mbedtls_ssl_config_free(&config);
	mbedtls_x509_crt_free(&root);
	mbedtls_ctr_drbg_free(&random);
	mbedtls_entropy_free(&entropy);
	puts("acknowledged");
	return 0;
}
