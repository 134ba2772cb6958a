// SPDX-License-Identifier: MIT
// TlsContext and TlsEngine for the SDK's compiler, in its own syntax for natives; natives.ts says what they do.

export class TlsContext @ "xs_berth_tls_context_destructor" {
  constructor(roots, rootCount, chain, chainCount, key, maximumFragment, sessions) @ "xs_berth_tls_context";
  forgetSessions() @ "xs_berth_tls_context_forget_sessions";
  close() @ "xs_berth_tls_context_close";
}

export class TlsEngine @ "xs_berth_tls_engine_destructor" {
  constructor(context, host, seconds, inputSize, outputSize) @ "xs_berth_tls_engine";
  advance() @ "xs_berth_tls_engine_advance";
  close() @ "xs_berth_tls_engine_close";
  drain(target, size) @ "xs_berth_tls_engine_drain";
  endOfInput() @ "xs_berth_tls_engine_end_of_input";
  failureCode() @ "xs_berth_tls_engine_failure_code";
  failureText() @ "xs_berth_tls_engine_failure_text";
  feed(bytes, start, end) @ "xs_berth_tls_engine_feed";
  finish() @ "xs_berth_tls_engine_finish";
  inputRoom() @ "xs_berth_tls_engine_input_room";
  pending() @ "xs_berth_tls_engine_pending";
  read(target) @ "xs_berth_tls_engine_read";
  readable() @ "xs_berth_tls_engine_readable";
  resumed() @ "xs_berth_tls_engine_resumed";
  room() @ "xs_berth_tls_engine_room";
  suite() @ "xs_berth_tls_engine_suite";
  version() @ "xs_berth_tls_engine_version";
  write(bytes, start, end) @ "xs_berth_tls_engine_write";
}
