// SPDX-License-Identifier: MIT
/* The natives of TlsContext and TlsEngine; the SDK's linker finds them by name. */
#ifndef BERTH_TLS_BINDING_H
#define BERTH_TLS_BINDING_H

#include "xsmc.h"

void xs_berth_tls_context_destructor(void *data);
void xs_berth_tls_engine_destructor(void *data);
void xs_berth_tls_context(xsMachine *the);
void xs_berth_tls_context_close(xsMachine *the);
void xs_berth_tls_context_forget_sessions(xsMachine *the);
void xs_berth_tls_engine(xsMachine *the);
void xs_berth_tls_engine_close(xsMachine *the);
void xs_berth_tls_engine_feed(xsMachine *the);
void xs_berth_tls_engine_end_of_input(xsMachine *the);
void xs_berth_tls_engine_advance(xsMachine *the);
void xs_berth_tls_engine_read(xsMachine *the);
void xs_berth_tls_engine_write(xsMachine *the);
void xs_berth_tls_engine_drain(xsMachine *the);
void xs_berth_tls_engine_finish(xsMachine *the);
void xs_berth_tls_engine_room(xsMachine *the);
void xs_berth_tls_engine_readable(xsMachine *the);
void xs_berth_tls_engine_pending(xsMachine *the);
void xs_berth_tls_engine_input_room(xsMachine *the);
void xs_berth_tls_engine_failure_code(xsMachine *the);
void xs_berth_tls_engine_failure_text(xsMachine *the);
void xs_berth_tls_engine_resumed(xsMachine *the);
void xs_berth_tls_engine_version(xsMachine *the);
void xs_berth_tls_engine_suite(xsMachine *the);

#endif
