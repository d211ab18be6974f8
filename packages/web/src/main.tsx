import { render } from "preact";
import { App } from "./app.tsx";
import "./style/tokens.css";
import "./style/base.css";
import "./style/controls.css";
import "./style/layout.css";
import "./style/pages.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
