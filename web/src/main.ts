// Wires the app: session, events, files, uploads, pages.

import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/uploads.css";
import "./styles/library.css";
import "./styles/player.css";
import "./styles/watch.css";

import { startApp } from "./app";
import { restoreTheme } from "./core/theme";

restoreTheme();
startApp();
