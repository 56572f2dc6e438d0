// Stylesheets are imported for esbuild, which puts them into mechwidget.css.
declare module "*.css";
