-- Beside the fulfillment database, which the server is started with.
CREATE DATABASE colophon_log;
CREATE DATABASE colophon_activation;
