// In place of the page's packages, which are not installed: what has to be there while the modules of
// js/lab are loaded. What they do on a real page is for the browser tests.

export class Token {}
export class Widget {}
export class LabIcon {}
