// SPDX-License-Identifier: MIT
import { render } from "preact";
import { App } from "./app";
import { follow } from "./link/feed";
import "./model/history";
import "./style.css";
import "./life/life.css";
import "./theme";

render(<App />, document.getElementById("page")!);
void follow();
