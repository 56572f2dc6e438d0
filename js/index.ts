// The one module that the Python package ships: what a host imports, and which views there are.

import { version } from "../package.json";
import { createWidget } from "./host/widget";
import "./style/index.css";
import { workbench } from "./views/workbench";

export default createWidget({ workbench }, version);
