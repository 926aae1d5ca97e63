const express = require('express')
const lodash = require('lodash')

const app = express()
app.get('/', (_request, response) => response.json(lodash.range(10)))
app.listen(8080)
